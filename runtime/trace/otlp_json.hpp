// The spans of a recording as OpenTelemetry's collectors take them: an ExportTraceServiceRequest in JSON, for
// POST /v1/traces with Content-Type: application/json.
//
// Spans that have not ended yet are left out; the runtime's events too, for which OTLP has no place. Source:
// OpenTelemetry protocol 1.3, "JSON Protobuf Encoding": ids in hexadecimal, 64-bit numbers as strings.
#pragma once

#include <string>
#include <string_view>

#include <weft/runtime/trace/recording.hpp>

namespace weft::trace {

/// The document, whole; `service` is the service.name of all its spans.
///
/// Cost       some 400 bytes per span; not for the fiber of a request.
[[nodiscard]] std::string to_otlp(const recording& from, std::string_view service);

}  // namespace weft::trace

// What the spans of requests say, the client's and the server's alike.
//
// The query is not told: secrets stand in it.
// Source: OpenTelemetry semantic conventions 1.27, HTTP spans.
#pragma once

#include <string_view>

#include <weft/runtime/trace/span.hpp>

namespace weft::http::detail {

/// The name of the span of such a request: its method, or HTTP for one that is not known, as there may be
/// any number of those.
std::string_view span_name(std::string_view method) noexcept;

/// Whom was asked for what: method, scheme, address, port and path. No address if `authority` is empty.
void describe_request(trace::span& work, std::string_view method, std::string_view authority,
                      std::string_view path) noexcept;

/// What was answered. Statuses from `fails_from` on are failures; `why`, if that is known.
void describe_status(trace::span& work, int code, int fails_from, std::string_view why = {}) noexcept;

/// What went wrong where no status says so: `type` is one of few.
void describe_failure(trace::span& work, std::string_view type) noexcept;

}  // namespace weft::http::detail

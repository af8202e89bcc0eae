// A recording as Chrome's trace format, which ui.perfetto.dev and chrome://tracing open.
//
// A track per thread shows which fiber ran when, and why it stopped; spans and I/O, which go on while their
// fiber waits, stand beside, those of a fiber below each other. Source: "Trace Event Format", Google, 2016.
#pragma once

#include <string>

#include <weft/runtime/trace/recording.hpp>

namespace weft::trace {

/// The document, whole. Cost: some 150 bytes per record, and a sort; not for the fiber of a request.
[[nodiscard]] std::string to_chrome(const recording& from);

}  // namespace weft::trace

// The header field tracestate: what other tracers want to be passed on with a trace. weft adds nothing to it.
//
// Source: W3C Trace Context, 2021-11-23, section 3.3.
#pragma once

#include <string_view>

namespace weft::trace {

/// Whether it is a list of 1 to 32 members, key=value, each key once, of 512 bytes at most. What is not is
/// not passed on. Where a request has several such fields, they are one list, with commas between them.
[[nodiscard]] bool is_tracestate(std::string_view list) noexcept;

}  // namespace weft::trace

// The header field traceparent, by which a trace goes from process to process: the strict reading of it.
//
// "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": version, trace, span, flags, all of them lower
// case hexadecimal. Version ff and ids of zeroes are no traceparent; a later version is read as far as this
// one goes. Of the flags only `sampled` is passed on. Source: W3C Trace Context, 2021-11-23, section 3.2.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include <weft/runtime/trace/context.hpp>

namespace weft::trace {

/// Errors: none is returned for what is no traceparent. The state of the context is null.
[[nodiscard]] std::optional<context> parse_traceparent(std::string_view field) noexcept;

/// What goes into the field. Of a context that names a span.
class traceparent {
 public:
  explicit traceparent(const context& of) noexcept;

  std::string_view text() const noexcept { return {text_.data(), text_.size()}; }

 private:
  std::array<char, 55> text_;
};

}  // namespace weft::trace

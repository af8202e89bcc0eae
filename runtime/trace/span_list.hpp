// The spans of a recording: their records put together again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <weft/runtime/trace/record.hpp>
#include <weft/runtime/trace/recording.hpp>

namespace weft::trace::detail {

/// Views into the recording that it was made of.
struct recorded_span {
  std::uint64_t id = 0;
  span_identity identity;
  std::string_view name;
  std::uint8_t kind = 0;  // a span_kind
  bool failed = false;
  bool ended = false;
  std::int64_t end = 0;  // if it has not: when the recording was taken
  std::uint64_t fiber = 0;
  std::size_t track = 0;
  std::size_t order = 0;                  // in which they came to light
  std::vector<const record*> attributes;  // the last of each key
  std::vector<const record*> events;
  std::string_view status;  // why it failed
};

/// By track, and there by the time of beginning. A span whose beginning and end were both overwritten is not
/// there.
std::vector<recorded_span> spans_of(const recording& from);

/// Calls `text(string_view)`, `integer(int64)`, `real(double)` or `boolean(bool)` with an attribute's value.
template <class Visitor>
void visit_value(const record& attribute, Visitor&& to) {
  const auto bits = [&] { return attribute.raw<std::uint64_t>(attribute.key_length); };
  switch (static_cast<value_kind>(attribute.detail)) {
    case value_kind::text: return to.text(attribute.text(attribute.key_length));
    case value_kind::integer: return to.integer(static_cast<std::int64_t>(bits()));
    case value_kind::real: return to.real(attribute.raw<double>(attribute.key_length));
    case value_kind::boolean: return to.boolean(bits() != 0);
  }
}

inline std::string_view key_of(const record& attribute) noexcept {
  return attribute.text().substr(0, attribute.key_length);
}

}  // namespace weft::trace::detail

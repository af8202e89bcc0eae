// What a recorded attribute says, as text.
#pragma once

#include <cstdint>
#include <string>

#include <weft/runtime/trace/record.hpp>

namespace weft::testing {

inline std::string attribute_value(const trace::detail::record& a) {
  if (a.detail == static_cast<std::uint8_t>(trace::detail::value_kind::text))
    return std::string{a.text().substr(a.key_length)};
  return std::to_string(a.raw<std::int64_t>(a.key_length));
}

}  // namespace weft::testing

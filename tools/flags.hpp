// What the programs' flags have in common.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

/// All of `text` as a number from `min` to `max`; none if it is not one.
template <class Number>
std::optional<Number> number(std::string_view text, Number min, Number max) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= min && value <= max))
    return std::nullopt;
  return value;
}

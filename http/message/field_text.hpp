// Whether a text can be the name, or the value, of a field that is about to be written.
#pragma once

#include <string_view>

#include <weft/http/message/scan.hpp>

namespace weft::http::detail {

inline bool is_field_name(std::string_view text) noexcept {
  return !text.empty() && scan_token(text.data(), text.data() + text.size()) == text.data() + text.size();
}

/// No CR, LF, NUL or other control, so that it cannot end its line.
inline bool is_field_value(std::string_view text) noexcept {
  return text.empty() || scan_value(text.data(), text.data() + text.size()) == text.data() + text.size();
}

}  // namespace weft::http::detail

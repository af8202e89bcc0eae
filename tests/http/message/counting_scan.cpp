// The scan functions of http/message/scan.hpp, linked in their stead: slower, and counting.
#include "counting_scan.hpp"

#include <weft/http/message/scan.hpp>

#include <cctype>
#include <string_view>

std::size_t bytes_examined = 0;

namespace weft::http::detail {
namespace {

template <class In>
const char* scan(const char* first, const char* last, In in) {
  while (first != last) {
    ++bytes_examined;
    if (!in(*first)) break;
    ++first;
  }
  return first;
}

bool visible(char c) { return c > ' ' && c != 0x7f; }

}  // namespace

const char* scan_token(const char* first, const char* last) noexcept {
  return scan(first, last, [](char c) { return is_token(c); });
}
const char* scan_target(const char* first, const char* last) noexcept {
  return scan(first, last, [](char c) { return visible(c) && c != '#' && c != '\\'; });
}
const char* scan_value(const char* first, const char* last) noexcept {
  return scan(first, last, [](char c) { return visible(c) || c == ' ' || c == '\t' || c < 0; });
}
bool is_token(char c) noexcept {
  return c > 0 &&
         (std::isalnum(c) != 0 || std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos);
}

}  // namespace weft::http::detail

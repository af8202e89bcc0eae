#include <weft/http/message/method.hpp>

namespace weft::http::detail {
namespace {

constexpr std::string_view names[] = {"GET",    "HEAD",    "POST",    "PUT",   "PATCH",
                                      "DELETE", "OPTIONS", "CONNECT", "TRACE", ""};
static_assert(std::size(names) == method_count);

}  // namespace

std::string_view method_name(method m) noexcept { return names[static_cast<std::size_t>(m)]; }

method method_of(std::string_view name) noexcept {
  for (std::size_t i = 0; i + 1 < method_count; ++i)
    if (names[i] == name) return static_cast<method>(i);
  return method::other;
}

}  // namespace weft::http::detail

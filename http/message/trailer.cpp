#include <weft/http/message/trailer.hpp>

#include <algorithm>
#include <iterator>

#include <weft/http/message/ascii.hpp>

namespace weft::http::detail {

bool is_forbidden_trailer(std::string_view name) noexcept {
  // content- and content_: some servers fold the two.
  if (equals_ignoring_case(name.substr(0, 7), "content") && name.size() > 7 &&
      (name[7] == '-' || name[7] == '_'))
    return true;
  constexpr std::string_view forbidden[] = {"transfer-encoding",
                                            "transfer_encoding",
                                            "host",
                                            "authorization",
                                            "connection",
                                            "cookie",
                                            "expect",
                                            "te",
                                            "trailer",
                                            "upgrade",
                                            "proxy-authorization",
                                            "set-cookie"};
  return std::ranges::any_of(forbidden, [&](std::string_view f) { return equals_ignoring_case(name, f); });
}

}  // namespace weft::http::detail

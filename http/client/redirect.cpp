#include <weft/http/client/redirect.hpp>

#include <algorithm>

#include <weft/http/message/ascii.hpp>

namespace weft::http::detail {
namespace {

template <std::size_t N>
bool is_one_of(std::string_view name, const std::string_view (&names)[N]) noexcept {
  return std::ranges::any_of(names, [&](std::string_view n) { return equals_ignoring_case(name, n); });
}

// Fields that describe the body.
bool is_of_the_body(std::string_view name) noexcept {
  constexpr std::string_view names[] = {"content-encoding", "content-language", "content-location",
                                        "content-type",     "digest",           "last-modified"};
  return is_one_of(name, names);
}

// Fields that are meant for one origin.
bool is_of_the_origin(std::string_view name) noexcept {
  constexpr std::string_view names[] = {"authorization", "cookie", "host", "proxy-authorization"};
  return is_one_of(name, names);
}

}  // namespace

bool is_redirect(status s) noexcept {
  return s == status::moved_permanently || s == status::found || s == status::see_other ||
         s == status::temporary_redirect || s == status::permanent_redirect;
}

bool drops_body(status s, std::string_view method) noexcept {
  if (s == status::see_other) return method != "HEAD" && method != "GET";
  return (s == status::moved_permanently || s == status::found) && method == "POST";
}

result<call> redirected(const call& c, const url& from, status s, std::string_view location) {
  const url to = WEFT_TRY(resolve_reference(from, location));
  const bool bare = drops_body(s, c.method);
  call next{.method = bare ? "GET" : c.method, .url = to.text(), .headers = c.headers, .body = {}};
  if (!bare) next.body = c.body;
  std::erase_if(next.headers, [&](const auto& field) {
    return (bare && is_of_the_body(field.first)) ||
           (to.endpoint != from.endpoint && is_of_the_origin(field.first));
  });
  return next;
}

}  // namespace weft::http::detail

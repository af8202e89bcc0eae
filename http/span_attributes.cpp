#include <weft/http/span_attributes.hpp>

#include <cstdint>

#include <weft/http/message/method.hpp>
#include <weft/http/message/number_text.hpp>
#include <weft/http/message/target.hpp>

namespace weft::http::detail {

std::string_view span_name(std::string_view method) noexcept {
  return method_of(method) == method::other ? "HTTP" : method;
}

void describe_request(trace::span& work, std::string_view method, std::string_view authority,
                      std::string_view path) noexcept {
  if (!work.recorded()) return;
  const bool known = method_of(method) != method::other;
  work.set("http.request.method", known ? method : "_OTHER");
  if (!known) work.set("http.request.method_original", method);
  work.set("url.scheme", "http");
  work.set("url.path", path);
  std::string_view host = host_of(authority);
  if (host.empty()) return;
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);  // an IPv6 address
  work.set("server.address", host);
  work.set("server.port", port_of(authority, 80));
}

void describe_status(trace::span& work, int code, int fails_from, std::string_view why) noexcept {
  work.set("http.response.status_code", code);
  if (code < fails_from) return;
  work.set("error.type", number_text{static_cast<std::uint64_t>(code)});
  work.fail(why);
}

void describe_failure(trace::span& work, std::string_view type) noexcept {
  work.set("error.type", type);
  work.fail(type);
}

}  // namespace weft::http::detail

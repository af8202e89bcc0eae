#include <weft/http/debug/local_only.hpp>

#include <algorithm>
#include <string>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/target.hpp>
#include <weft/http/request.hpp>
#include <weft/http/response.hpp>
#include <weft/net/address.hpp>

namespace weft::http::detail {
namespace {

bool names_this_machine(std::string_view authority) {
  const std::string_view host = host_of(authority);
  if (equals_ignoring_case(host, "localhost")) return true;
  const auto numeric = net::address::parse(std::string{host} + ":0");
  return numeric && numeric->unmapped().is_loopback();
}

bool was_passed_on(const request& q) {
  return std::ranges::any_of(std::initializer_list<std::string_view>{"forwarded", "x-forwarded-for",
                                                                     "x-forwarded-host", "x-real-ip", "via"},
                             [&](std::string_view name) { return q.header(name).has_value(); });
}

// A peer without an address is at a unix socket, or gone: then nobody knows where it was.
bool is_local(const request& q) {
  if (was_passed_on(q)) return false;
  const auto peer = q.remote_address();
  if (!peer) return q.on_unix_socket();
  return peer->unmapped().is_loopback() && names_this_machine(q.authority());
}

}  // namespace

result<void> local_only::operator()(request& q, response& s, next n) const {
  if (is_local(q)) return n();
  s.status(status::forbidden).text("these pages answer nobody but this machine\n");
  return {};
}

}  // namespace weft::http::detail

#include <weft/http/client/call_head.hpp>

#include <algorithm>

#include <weft/http/client/call_error.hpp>
#include <weft/http/message/ascii.hpp>
#include <weft/http/message/field_text.hpp>
#include <weft/http/message/number_text.hpp>
#include <weft/http/message/target.hpp>

namespace weft::http::detail {
namespace {

// Fields that frame the body, or concern the connection, which is the client's.
bool is_reserved(std::string_view name) noexcept {
  constexpr std::string_view reserved[] = {"connection", "content-length",    "expect",
                                           "keep-alive", "proxy-connection",  "te",
                                           "trailer",    "transfer-encoding", "upgrade"};
  return std::ranges::any_of(reserved, [&](std::string_view r) { return equals_ignoring_case(name, r); });
}

struct said {
  std::string_view host;
  bool user_agent = false;
  bool accept_encoding = false;
  bool cookies = false;
  bool traceparent = false;
  bool tracestate = false;
};

// What the caller's fields say, if all of them can be sent.
result<said> check_fields(const call& c) {
  said found;
  for (const auto& [name, value] : c.headers) {
    if (!is_field_name(name)) return std::unexpected(call_error::bad_field_name);
    if (!is_field_value(value)) return std::unexpected(call_error::bad_field_value);
    const bool closes = equals_ignoring_case(name, "connection") && equals_ignoring_case(value, "close");
    if (is_reserved(name) && !closes) return std::unexpected(call_error::reserved_field);
    found.user_agent |= equals_ignoring_case(name, "user-agent");
    found.accept_encoding |= equals_ignoring_case(name, "accept-encoding");
    found.cookies |= equals_ignoring_case(name, "cookie");
    found.traceparent |= equals_ignoring_case(name, "traceparent");
    found.tracestate |= equals_ignoring_case(name, "tracestate");
    if (!equals_ignoring_case(name, "host")) continue;
    if (!found.host.empty() || !is_authority(value)) return std::unexpected(call_error::bad_field_value);
    found.host = value;
  }
  return found;
}

// Methods that are expected to have a body say that it is empty. Source: RFC 9110, section 8.6.
bool expects_body(std::string_view method) noexcept {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace

result<void> write_call_head(byte_buffer& out, const call& c, const url& to, const call_manner& how) {
  if (!is_field_name(c.method) || c.method == "CONNECT") return std::unexpected(call_error::bad_method);
  const said own = WEFT_TRY(check_fields(c));
  out.append_all(c.method, how.through_proxy ? " http://" : " ");
  if (how.through_proxy) out.append(to.authority);
  out.append_all(to.target, " HTTP/1.1\r\nHost: ", own.host.empty() ? to.authority : own.host, "\r\n");
  if (!how.proxy_authorization.empty())
    out.append_all("Proxy-Authorization: ", how.proxy_authorization, "\r\n");
  if (!own.user_agent && !how.user_agent.empty()) out.append_all("User-Agent: ", how.user_agent, "\r\n");
  if (!own.accept_encoding && how.decompress) out.append("Accept-Encoding: gzip, deflate\r\n");
  if (!own.cookies && !how.cookies.empty()) out.append_all("Cookie: ", how.cookies, "\r\n");
  if (!own.traceparent && !how.traceparent.empty()) {
    out.append_all("traceparent: ", how.traceparent, "\r\n");
    if (!own.tracestate && !how.tracestate.empty()) out.append_all("tracestate: ", how.tracestate, "\r\n");
  }
  for (const auto& [name, value] : c.headers)
    if (!equals_ignoring_case(name, "host")) out.append_all(name, ": ", value, "\r\n");
  if (how.streamed) out.append("Transfer-Encoding: chunked\r\n");
  else if (!c.body.empty() || expects_body(c.method))
    out.append_all("Content-Length: ", number_text{c.body.size()}, "\r\n");
  out.append("\r\n");
  return {};
}

}  // namespace weft::http::detail

// A connection through an HTTP proxy, for whatever is to be spoken over it: the method CONNECT. Source: RFC
// 9110, section 9.3.6.
#pragma once

#include <string_view>

#include <weft/net/tcp_stream.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http {

/// Connects to `host_port`, "example.com:443", through the proxy at `proxy`, "127.0.0.1:3128".
/// `authorization` is the value of Proxy-Authorization; empty: none is sent. What the other end says first is
/// the stream's to read: no byte behind the proxy's answer is taken.
///
/// Blocks     the calling fiber, until the proxy has connected; `until` is for all of it.
/// Errors     the status that the proxy answers, if it is none of 2xx: proxy_authentication_required,
///            bad_gateway; call_error::bad_url for no host and port, and bad_field_value; end_of_stream,
///            protocol, limit: its answer is cut, none, or longer than 16 KiB; as tcp_stream::connect() for
///            the proxy.
/// Safe from  any fiber.
[[nodiscard]] result<net::tcp_stream> connect_through(std::string_view proxy, std::string_view host_port,
                                                      std::string_view authorization = {},
                                                      deadline until = {});

}  // namespace weft::http

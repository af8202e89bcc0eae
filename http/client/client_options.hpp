// What an HTTP client has to choose.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include <weft/http/client/cookie_jar.hpp>
#include <weft/net/connection_pool_options.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft::http {

struct client_options {
  /// Its connections: how many in all and to one server, how long they are kept, how long one may take to
  /// make.
  net::connection_pool_options connections{.name = "http client"};
  /// How long the server may take to receive the next 64 KiB of a request.
  std::chrono::nanoseconds send = std::chrono::seconds{30};
  /// How long the head of the response may take to come, from the end of the request.
  std::chrono::nanoseconds head = std::chrono::seconds{60};
  /// How long the next bytes of the response's body may take to come.
  std::chrono::nanoseconds read = std::chrono::seconds{30};
  /// Bytes of the head of a response, at most 65535; with what belongs to it, this fills a block of 64 KiB.
  std::size_t head_max = 60 * weft::detail::kib;
  /// How many redirects are followed: 301, 302, 303, 307 and 308 with a Location. Beyond that, errc::limit.
  /// Zero: none is, and such a response is a reply as any other.
  unsigned redirects_max = 0;
  /// Whether gzip and deflate are asked for, by Accept-Encoding unless the call has its own, and undone: the
  /// reply's body is the decoded one, while its fields say what came. Where weft was built without zlib, a
  /// compressed reply is errc::unsupported instead.
  bool decompress = false;
  /// How many bytes one byte of a compressed body may become, beyond the first MiB: errc::limit. A guess;
  /// what people write stays below 100, and a bomb of gzip is near 1000. At least 1.
  std::size_t expansion_max = 200;
  /// The proxy that all requests go through, "127.0.0.1:3128"; empty: none. It is asked for whole URLs, as is
  /// usual for http; what goes through a tunnel, connect_through() connects.
  std::string proxy{};
  /// Where all connections go instead of to the URL's host, which the requests still name: "127.0.0.1:8081",
  /// or a unix socket as "unix:/run/docker.sock" or "unix:@abstract". Empty: to the host. Not with a proxy.
  std::string endpoint{};
  /// The value of Proxy-Authorization, which only the proxy gets; empty: none.
  std::string proxy_authorization{};
  /// Where the cookies are kept that servers set, and sent back from, unless the call has a Cookie of its
  /// own. Several clients may share one. None: they are fields as all others.
  std::shared_ptr<cookie_jar> cookies{};
  /// Whether each request is a span, while weft::trace runs, and says so to its server: by traceparent and
  /// tracestate, unless the call has them itself. Off where servers of others are not to see them.
  bool trace = true;
  /// The field of that name, unless the call has its own. Empty: none.
  std::string user_agent = "weft";
};

}  // namespace weft::http

// An HTTP/1.1 client: requests, over connections that are used again.
//
//     http::client client;
//     auto page = WEFT_TRY(client.get("http://example.com/", 5s));
//     if (page.status() == http::status::ok) use(WEFT_TRY(page.body()));
//
// As strict towards servers as weft's server is towards clients: a response whose framing can be read in two
// ways is an error. Every wait has a deadline and every size a limit, client_options, and the caller's own
// deadline holds besides. There is no TLS yet.
//
// A connection that was idle may have been closed by its server in the moment in which it is used. A request
// that may be sent twice (GET, HEAD, PUT, DELETE, OPTIONS, TRACE) is then sent once more; of any other the
// caller gets the error, because nobody knows whether the server has acted on it. Source: RFC 9110, section
// 9.2.2.
#pragma once

#include <memory>
#include <string_view>

#include <weft/http/client/body_feed.hpp>
#include <weft/http/client/call.hpp>
#include <weft/http/client/call_error.hpp>
#include <weft/http/client/client_options.hpp>
#include <weft/http/client/reply.hpp>
#include <weft/pools/pool_stats.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/trace/context.hpp>

namespace weft::http {

namespace detail {
struct client_state;
struct url;
}  // namespace detail

class client {
 public:
  explicit client(client_options options = {});
  client(const client&) = delete;
  client& operator=(const client&) = delete;
  ~client();

  /// The response to GET: its head has come, its body is the reply's to read. A status of 400 or more is a
  /// reply as any other.
  ///
  /// Blocks     the calling fiber, until then.
  /// Errors     call_error, before anything is sent; limit: of connections, if they are chosen to refuse, and
  ///            of the response's head; closed; canceled; deadline_exceeded, also of client_options;
  ///            end_of_stream: the server closed the connection without an answer; protocol; unsupported:
  ///            another version or transfer coding; what tcp_stream::connect() and the connection say.
  /// Cancelled  the connection is closed.
  /// Safe from  any fiber, several at once.
  [[nodiscard]] result<reply> get(std::string_view url, deadline until = {});

  /// The same for any request.
  [[nodiscard]] result<reply> send(const call& c, deadline until = {});

  /// The same with a body of unknown length, which `next` produces: called with up to 16 KiB of room until it
  /// returns 0, each time when the last piece has gone out. c.body must be empty. It goes out chunked, which
  /// a server of HTTP/1.0 does not understand. Nothing is sent twice, neither after a redirect, which then is
  /// the reply, nor over another connection.
  ///
  /// Errors     also those of `next`.
  template <body_producer F>
  [[nodiscard]] result<reply> send(const call& c, F&& next, deadline until = {}) {
    return send_fed(c, detail::body_feed{next}, until);
  }

  /// Ends who waits for a connection, and whoever asks from now on, with errc::closed. Replies stay good.
  ///
  /// Safe from  any fiber or thread.
  void close() noexcept;

  /// Of its connections. Safe from any fiber or thread.
  pool_stats stats() noexcept;

 private:
  result<reply> send_fed(const call& c, detail::body_feed feed, deadline until);
  void keep_cookies(const detail::url& from, const reply& got);
  result<reply> ask(const call& c, const detail::url& to, detail::body_feed feed, deadline until);
  result<reply> exchange(const call& c, const detail::url& to, detail::body_feed feed, deadline until,
                         const trace::context& from);

  std::shared_ptr<detail::client_state> state_;
};

}  // namespace weft::http

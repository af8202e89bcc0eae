// One connection, driven by one fiber: reads, lets an exchange answer, sends, waits.
//
// It lies in a pool of its server's, whose limit is that of connections. While it waits for a next request
// that does not come at once, it holds no exchange and so no buffer: those go back to their pools.
#pragma once

#include <chrono>
#include <utility>

#include <weft/http/date.hpp>
#include <weft/http/exchange.hpp>
#include <weft/http/service.hpp>
#include <weft/http/transport.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/runtime/base/intrusive_list.hpp>
#include <weft/runtime/object_pool.hpp>

namespace weft::http::detail {

struct connection_times {
  std::chrono::nanoseconds idle = std::chrono::seconds{75};   // between requests
  std::chrono::nanoseconds head = std::chrono::seconds{10};   // for a head, in all, from its first byte
  std::chrono::nanoseconds write = std::chrono::seconds{30};  // for one send to be taken by the kernel
  std::chrono::nanoseconds linger = std::chrono::seconds{2};  // for the peer to read a refusal
  // How long a connection keeps its buffers while it waits for the next request: longer than a round trip of
  // most clients, so that a busy one needs one operation per request. A guess.
  std::chrono::nanoseconds warm = std::chrono::seconds{1};
};

class connection;

/// What the connections of one server on one worker share. Touched by that worker only.
struct worker_part {
  date_cache date;
  weft::detail::intrusive_list<connection> connections;
  unsigned refusals = 0;  // fibers that are turning a connection away
};

class connection final : public weft::detail::list_node, private transport {
 public:
  /// `here`: of the worker that the calling fiber runs on.
  connection(const service& of, const connection_times& times, object_pool<exchange>& exchanges,
             worker_part& here, net::tcp_stream stream) noexcept;
  ~connection();

  /// Serves the connection to its end.
  ///
  /// Errors     limit, std::errc::not_enough_memory: there is none for a request. The connection is still
  ///            open: take_stream() has it.
  [[nodiscard]] result<void> run();

  /// After an error of run(): whether a 503 may be sent, because no answer is half sent or was lost.
  bool can_be_refused() const noexcept { return can_be_refused_; }
  net::tcp_stream take_stream() noexcept { return std::move(stream_); }

  /// Ends the wait for a next request, for a drain. A request that has begun to come is still answered. Same
  /// worker only.
  void end_if_idle() noexcept;

 private:
  enum class outcome : std::uint8_t { idle, ended };

  result<std::size_t> read(std::span<std::byte> into, deadline until) override;
  result<void> write(byte_view bytes, deadline until) override;

  bool wait_for_request() noexcept;
  bool must_leave() const noexcept;
  outcome serve(exchange& e);
  void run_handler(exchange& e);
  bool receive(exchange& e);
  void linger(exchange& e);
  bool send_output(exchange& e);

  const service& service_;
  const connection_times& times_;
  object_pool<exchange>& exchanges_;
  worker_part& here_;
  net::tcp_stream stream_;
  deadline head_until_;   // never: no head has begun
  bool waiting_ = false;  // for a next request, of which nothing has come
  bool leaving_ = false;  // the last wait for one has ended the connection
  bool can_be_refused_ = true;
};

}  // namespace weft::http::detail

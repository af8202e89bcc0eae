// One connection: a record, driven by what its operations complete with, on its worker's own stack. A fiber
// is started for a handler only, and ends with it.
//
// While it waits for a request, it is this record and an armed receive: no stack, no exchange, no buffer.
// What comes is received into one of the worker's buffers, copied into an exchange at once (some hundred
// bytes; so no handler and no slow peer keeps the buffer), parsed, and answered in one send.
//
// One thing at a time: a connection has one operation in flight, or a handler's fiber that does operations of
// its own, or neither for as long as a function of this file runs. An exception to the last two: beside a
// handler that lasts, an operation watches for the peer's reset, which asks the handler to stop.
//
// Its one timer is set late rather than often: it is left where it is if it expires before the deadline, and
// then set again. So a busy connection touches the timer wheel every half minute.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include <weft/http/exchange.hpp>
#include <weft/http/message/date.hpp>
#include <weft/http/metrics/server_counters.hpp>
#include <weft/http/service.hpp>
#include <weft/http/transport.hpp>
#include <weft/net/live_count.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/base/intrusive_list.hpp>
#include <weft/runtime/object_pool.hpp>
#include <weft/runtime/operation.hpp>
#include <weft/runtime/timer_wheel.hpp>

namespace weft::detail {
struct fiber;
}

namespace weft::http::detail {

struct connection_times {
  std::chrono::nanoseconds idle = std::chrono::seconds{75};  // between requests
  std::chrono::nanoseconds head = std::chrono::seconds{10};  // for a head, in all, from its first byte
  std::chrono::nanoseconds write =
      std::chrono::seconds{30};  // for the peer to take something of what is sent
  std::chrono::nanoseconds linger = std::chrono::seconds{2};  // for the peer to read a refusal
  // A handler that has not ended by then waits for something: what is ready before its answer is sent, and
  // the peer's reset will stop it. A guess: longer than nearly all that do not wait.
  std::chrono::nanoseconds lasting = std::chrono::milliseconds{1};
};

class connection;

/// What the connections of one server on one worker share. Touched by that worker only, but for the counters.
struct worker_part {
  /// Keeps an exchange with its first blocks, which the next request takes while they are in the processor's
  /// cache: to make one costs as much as to parse a request.
  void keep(pooled<exchange> used) noexcept {
    if (spare_count < spares.size()) spares[spare_count++] = std::move(used);
  }
  /// Null: there is none.
  pooled<exchange> take_spare() noexcept {
    return spare_count == 0 ? nullptr : std::move(spares[--spare_count]);
  }

  /// As rarely as possible: deadlines are counted from here, and how long things took.
  void look_at_clock() noexcept { now = weft::detail::steady_ns(); }

  // 1 MiB if all are used. A busy worker finds this many requests in a turn, or more.
  std::array<pooled<exchange>, 128> spares;
  std::size_t spare_count = 0;
  server_counters counts;
  date_cache date;
  weft::detail::intrusive_list<connection> connections;
  unsigned refusals = 0;         // fibers that are turning a connection away
  std::int64_t now = 0;          // when something was last read, sent or handled; ns of the steady clock
  std::int64_t quiet_until = 0;  // about what does not begin as it must; in ns of the steady clock
  std::byte discarded[4 << 10];  // where bytes go that nobody reads, of several connections at once
};

/// What all of them share. Outlives them.
struct connection_surroundings {
  const service& of;
  const connection_times& times;
  object_pool<exchange>& exchanges;
  weft::detail::live_count& live;
};

class connection final : public weft::detail::list_node,
                         private weft::detail::operation,
                         private weft::detail::timer,
                         private transport {
 public:
  /// `here`: of the worker that runs this.
  connection(const connection_surroundings& around, worker_part& here, net::tcp_stream stream) noexcept;
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection();

  /// Serves it to its end, with which the record goes. Returns at once.
  static void begin(pooled<connection> record) noexcept;

  // Same worker only.

  /// Ends it if it waits for a next request, for a drain. A request that has begun to come is still answered.
  void end_if_idle() noexcept;

  /// Ends it, whatever it does; a handler is asked to stop.
  void stop() noexcept;

  /// Since when it waits for a request, and nobody is to follow it, in ns of the steady clock; INT64_MAX: it
  /// does not.
  std::int64_t idle_since() const noexcept;

  /// Ends it as soon as it has nothing at hand, and serves `successor` with the same record.
  void give_way(net::tcp_stream successor) noexcept;

 private:
  enum class state : std::uint8_t {
    beginning,  // reads a proxy's header
    waiting,    // for the first byte of a request: no exchange
    reading,    // the rest of a request
    sending,    // the exchange's output
    handling,   // a fiber runs the handler; perhaps the peer is watched
    unwatched,  // the handler has ended, the watch not yet
    lingering,  // reads and drops, until the peer has read a refusal: no exchange
  };

  result<std::size_t> read(std::span<std::byte> into, deadline until) override;
  result<void> write(byte_view bytes, deadline until) override;
  result<void> write_file(byte_view before, io::file& from, std::uint64_t offset, std::uint64_t length,
                          deadline until) override;
  std::optional<net::address> remote_address() const noexcept override;
  bool on_unix_socket() const noexcept override;
  void hand_over(net::tcp_stream& to) noexcept override;

  struct sending;

  static void completed(operation& self, int result, bool more) noexcept;
  static void expired(timer& self) noexcept;

  void submit(state s, weft::detail::operation_code what, void* bytes, std::size_t length) noexcept;
  void limit(deadline until) noexcept;
  deadline after(std::chrono::nanoseconds time) const noexcept;
  void break_off() noexcept;

  void start() noexcept;
  void wait_for_proxy() noexcept;
  void proxy_says(int received) noexcept;
  void refuse_proxy() noexcept;
  void wait_for_request() noexcept;
  void request_begins(int received) noexcept;
  void take_exchange() noexcept;
  void give_exchange() noexcept;
  void go_on() noexcept;
  void act(exchange::next what) noexcept;
  void read_on(state s = state::reading) noexcept;
  void has_read(int received) noexcept;
  void has_received(int received) noexcept;
  void send_on() noexcept;
  void has_sent(int sent) noexcept;
  void start_handler() noexcept;
  void handle(stack_class stack) noexcept;
  void handler_lasts() noexcept;
  void peer_changed(int events) noexcept;
  void no_memory() noexcept;
  void linger() noexcept;
  void has_discarded(int received) noexcept;
  void end() noexcept;
  void succeed() noexcept;
  bool is_silent() const noexcept;
  bool must_leave() const noexcept;
  void report(std::string_view text) const { around_.of.report(around_.of.report_context, text); }

  const connection_surroundings& around_;
  worker_part& here_;
  pooled<connection> self_;
  pooled<exchange> exchange_;
  net::tcp_stream stream_;
  int successor_ = -1;                      // a descriptor, who is served when this is done
  weft::detail::fiber* handler_ = nullptr;  // once it runs
  std::unique_ptr<net::address> client_;    // whom a proxy speaks for
  deadline until_;                          // of what it does now
  deadline head_until_;                     // never: no head has begun
  std::uint32_t sent_ = 0;                  // of the exchange's output
  state state_ = state::waiting;
  bool in_flight_ = false;  // the operation
  bool late_ = false;       // `until_` has passed
  bool stopping_ = false;
  bool writing_ = false;  // the handler is sending
  bool drained_ = true;   // the last receive got all there was
};

}  // namespace weft::http::detail

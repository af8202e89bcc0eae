// What a connection needs while there is something to do on it: its bytes, the request at hand, its response,
// the output.
//
// A state machine over bytes that knows nothing of sockets. Its driver gives it what was read, calls
// advance(), and does as it is told; everything that one read brought is answered into one output, which is
// sent once. Only run_handler() may block, so the driver may be a fiber per connection, or a worker that
// starts a fiber for it. An idle connection needs none: exchanges are pooled, and `idle()` says when one can
// be given back. Its output and its bodies hold memory only while there is something in them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include <weft/http/body_pace.hpp>
#include <weft/http/input_buffer.hpp>
#include <weft/http/message/byte_buffer.hpp>
#include <weft/http/message/date.hpp>
#include <weft/http/message/request_parser.hpp>
#include <weft/http/metrics/server_counters.hpp>
#include <weft/http/request.hpp>
#include <weft/http/response.hpp>
#include <weft/http/service.hpp>
#include <weft/http/transport.hpp>

namespace weft::http::detail {

class exchange final : private body_source {
 public:
  enum class next : std::uint8_t {
    read,    // read into input_space(), then received() or peer_ended()
    handle,  // run_handler()
    write,   // send output(), then sent()
    end,     // close the connection; with wants_linger() after the peer had time to read
  };

  exchange(const service& of, date_cache& date, server_counters& counts);
  exchange(const exchange&) = delete;

  /// Takes up a connection on which nothing is at hand. `through` lives until end().
  void begin(transport& through) noexcept;
  /// Lets go of it, and of all memory but the first blocks.
  void end() noexcept;

  /// Parses and answers all it can, then says what must happen next.
  next advance();

  std::span<std::byte> input_space() { return input_.space(); }
  void received(std::size_t length) noexcept { input_.added(length); }
  /// What has come and is neither parsed nor answered yet; so much of it is no part of a request.
  std::string_view unparsed() const noexcept { return input_.unread(); }
  void drop(std::size_t length) noexcept { input_.consume(length); }
  /// The peer will send no more. It still gets its answers.
  void peer_ended() noexcept { peer_ended_ = true; }

  std::string_view output() const noexcept { return output_.text(); }
  void sent() noexcept {
    output_.release_beyond(output_first);
    stream_at_ = 0;
  }
  /// So much of it, while a handler runs.
  void sent(std::size_t length) noexcept {
    output_.remove_prefix(length);
    stream_at_ -= std::min(stream_at_, length);
  }

  /// When what is answered now was read; and when the kernel had the answers. In ns of the steady clock.
  void was_read(std::int64_t now) noexcept { read_at_ = now; }
  void count_answers(std::int64_t now) noexcept {
    if (answered_ != 0) counts_.latency.record(now - read_at_, std::exchange(answered_, 0));
  }

  /// Runs the handler of the request at hand and writes its response to the output. Blocks as the handler
  /// does.
  void run_handler();

  /// What stack the fiber has that it wants to run in.
  stack_class handler_stack() const noexcept;

  /// Answers `why` instead of running it.
  void decline(status why);

  /// By when the waits of that handler are to end: its driver makes them.
  deadline handler_until() const noexcept;

  /// Answers `why` and ends: for a head that did not come in time.
  void give_up(status why);

  /// Whether nothing has come of a next request, and nothing waits to be sent.
  bool idle() const noexcept {
    return input_.empty() && output_.empty() && !parser_.begun() && unread_ == 0 && !ending_;
  }
  /// Whether some but not all of a head has come.
  bool head_begun() const noexcept { return parser_.begun() || !input_.empty(); }
  bool wants_linger() const noexcept { return linger_ && !peer_ended_; }
  /// Whether a 503 may go out in place of what was at hand: nothing is half sent, and no answer that was made
  /// already is waiting, which the peer would take it for.
  bool can_be_refused() const noexcept {
    const bool streams = route_ != nullptr && response_.streaming_;
    return !broken_ && !ending_ && !streams && output_.empty();
  }

  // For a cache of responses.
  void count_cache_hit() noexcept { ++counts_.cache_hits; }
  void count_cache_miss() noexcept { ++counts_.cache_misses; }

  // For response.
  [[nodiscard]] result<void> stream(std::string_view bytes, deadline until);
  [[nodiscard]] result<void> stream_file(io::file& from, std::uint64_t offset, std::uint64_t length,
                                         deadline until);
  [[nodiscard]] result<void> flush(deadline until);
  [[nodiscard]] result<void> early_hints(std::span<const std::string_view> links, deadline until);
  [[nodiscard]] result<void> hijack(net::tcp_stream& to, deadline until);

 private:
  // How the peer knows where a body ends. none: by the end of the connection.
  enum class framing : std::uint8_t { none, length, chunked };

  static constexpr std::size_t output_first = 4 << 10;  // in general the answers to what one read brings

  result<std::size_t> fetch(std::span<std::byte> into, deadline until) override;
  result<std::size_t> fetch_in_time(std::span<std::byte> into, deadline until);
  bool is_too_slow() const noexcept { return pace_.matters() && pace_.left() <= pace_.left().zero(); }

  next at_rest();
  bool skip_unread();
  bool dispatch();
  bool dispatch_connect();
  void choose(const route& r) noexcept;
  bool resolve_path();
  void answer(const response_block& block);
  void refuse(status why);
  persistence decide(bool keep) const noexcept;
  bool can_skip_body() const noexcept;
  result<void> call_handler();
  void report_error(const std::error_code& error);
  void report_failure(std::string_view what);
  void count_response(status s) noexcept {
    counts_.responses.record(s);
    ++answered_;
  }
  void fail_response(status why);
  void finish_response();
  result<bool> begin_piece(std::uint64_t length);
  void finish_stream(const result<void>& outcome);
  bool ends_with_head() const noexcept;
  bool has_its_length() const noexcept;
  bool sends_trailers() const noexcept;
  bool may_hijack() const noexcept;
  void append_response(persistence how);
  void append_last_chunk();
  void write_head(persistence how, framing body, std::uint64_t length);
  result<void> begin_stream();
  result<void> send(std::string_view bytes, deadline until);
  void end_request(persistence how);
  deadline earlier(deadline until) const noexcept { return until < request_until_ ? until : request_until_; }

  const service& service_;
  date_cache& date_;
  server_counters& counts_;
  transport* transport_ = nullptr;
  input_buffer input_;
  request_parser parser_;
  request request_;
  response response_;
  byte_buffer output_;
  const route* route_ = nullptr;        // of the request at hand, if it has a handler to run
  const resource* resource_ = nullptr;  // that the route belongs to; none: CONNECT
  deadline request_until_;           // of the request's body; of its handler too if the route has a deadline
  body_pace pace_;                   // of the request's body
  std::uint64_t unread_ = 0;         // bytes of the last request's body that are to be dropped
  framing framing_ = framing::none;  // of the body that is streamed
  unsigned answered_ = 0;            // responses that the kernel has not all of
  std::int64_t read_at_ = 0;         // what they answer
  std::size_t stream_at_ = 0;        // where in the output the streamed response begins, or goes on
  bool keep_ = false;                // the request at hand lets the connection go on
  bool expects_continue_ = false;    // and waits for 100 before it sends its body
  bool peer_ended_ = false;
  bool ending_ = false;  // nothing more is parsed
  bool broken_ = false;  // nothing more can be sent
  bool linger_ = false;  // the peer may still be sending
};

}  // namespace weft::http::detail

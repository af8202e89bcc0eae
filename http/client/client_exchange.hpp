// One request over one connection, and the response to it.
//
// Lives as long as the reply, on the heap: its 1 KiB of fields is more than belongs on a fiber's stack.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>

#include <weft/http/client/body_feed.hpp>
#include <weft/http/client/client_options.hpp>
#include <weft/http/client/content_decoder.hpp>
#include <weft/http/client/response_reader.hpp>
#include <weft/http/message/method.hpp>
#include <weft/http/transport.hpp>
#include <weft/net/connection_pool.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http::detail {

/// What the exchanges of a client share, which lives until the last of them is over.
struct client_state {
  explicit client_state(client_options&& chosen)
      : options{std::move(chosen)}, connections{options.connections} {}

  const client_options options;
  net::connection_pool connections;
};

class client_exchange final : peer_source {
 public:
  client_exchange(std::shared_ptr<client_state> of, net::pooled_stream&& over) noexcept
      : of_{std::move(of)}, stream_{std::move(over)}, response_{*this, of_->options.head_max} {}
  client_exchange(const client_exchange&) = delete;
  client_exchange& operator=(const client_exchange&) = delete;
  ~client_exchange();

  /// Sends a request, whose body is in one piece or comes in many, and reads the head of its response.
  ///
  /// Errors     as response_reader::read_head(); deadline_exceeded; canceled; what the connection says; what
  ///            the feed says.
  [[nodiscard]] result<void> run(std::string_view head, std::string_view body, body_feed feed, method asked,
                                 deadline until);

  /// Whether `failure` of run() may be due to this only: the server had closed a connection that was idle.
  /// Then it has not begun to handle the request.
  bool found_stale(const std::error_code& failure) const noexcept;

  /// The connection is not to be used again.
  void end_after_response() noexcept { close_ = true; }

  const response_head& head() const noexcept { return response_.head(); }
  /// Bytes of the body that are to come still, if that can be known; else 0.
  std::uint64_t left() const noexcept { return decoder_ ? 0 : response_.left(); }
  /// The next bytes of the body, decoded if they were coded; 0 at its end.
  [[nodiscard]] result<std::size_t> read_body(std::span<std::byte> into, deadline until);

 private:
  result<void> send(std::string_view bytes, deadline until);
  result<void> send_pieces(body_feed feed, deadline until);
  result<void> put(std::string_view bytes, deadline until);
  result<void> wait_for_room(deadline until);
  bool is_answered() const noexcept;
  void let_go_if_ended() noexcept;

  result<std::size_t> read(std::span<std::byte> into, deadline until) override;

  const std::shared_ptr<client_state> of_;  // shared, so that a reply may outlive its client
  net::pooled_stream stream_;
  response_reader response_;
  std::unique_ptr<content_decoder> decoder_;  // of a body with a coding
  std::error_code lost_;                      // why the connection did not take all of the request
  bool close_ = false;                        // after this
  bool answered_early_ = false;               // so the rest of the request stays unsent
};

}  // namespace weft::http::detail

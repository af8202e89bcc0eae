// Server-sent events: a response that goes on, as a series of messages that a browser's EventSource takes
// apart, and that it asks for again where it stopped when the connection breaks.
//
// A thin writer over response::write(): each event is one chunk, and goes out at once. Source: HTML Living
// Standard, section 9.2.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include <weft/http/request.hpp>
#include <weft/http/response.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http {

struct event {
  /// Any text: each of its lines becomes one of the message, however it ends.
  std::string_view data;
  /// What listeners are registered for; empty: "message".
  std::string_view name{};
  /// What the client says next time, see event_stream::last_id(); empty: as before.
  std::string_view id{};
  /// How long the client waits before it connects again.
  std::optional<std::chrono::milliseconds> retry{};
};

/// Lives as long as its handler. One fiber at a time.
class event_stream {
 public:
  /// Sets Content-Type, and fields that keep caches and proxies from holding events back. The head goes with
  /// the first event, or with response::flush().
  event_stream(const request& from, response& to);

  /// The id of the last event that this client has seen; empty: it is new.
  std::string_view last_id() const noexcept { return last_id_; }

  /// Blocks     the calling fiber, while the client does not read.
  /// Errors     std::errc::invalid_argument: a name or id of more than one line, or an id with a NUL in it;
  ///            nothing has been sent. Else as response::write(): then the client is gone.
  [[nodiscard]] result<void> send(const event& e, deadline until = {});

  /// A line that the client drops: sent now and then it keeps a connection with nothing to say alive, and
  /// shows whether the client is still there. Errors as send().
  [[nodiscard]] result<void> comment(std::string_view line = {}, deadline until = {});

 private:
  response& to_;
  std::string_view last_id_;
};

}  // namespace weft::http

// What all connections of a server share: the routes, the limits, and whether it is about to end.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory_resource>
#include <string_view>
#include <utility>

#include <weft/http/body_pace.hpp>
#include <weft/http/message/request_parser.hpp>
#include <weft/http/route_table.hpp>
#include <weft/runtime/base/atomic.hpp>

namespace weft::http::detail {

struct service_limits {
  head_limits head;
  std::size_t output_max = 256 << 10;  // bytes that wait to be sent before parsing stops
  std::uint64_t unread_max =
      256 << 10;  // bytes of a body that nobody wanted, read and dropped to keep the connection
  std::chrono::nanoseconds request =
      std::chrono::seconds{30};  // for a request's body, where the route has no deadline; 0: no limit
  body_rate body;
};

struct service {
  explicit service(router given, service_limits l = {}) : routes{std::move(given)}, limits{l} {
    plain_answer(status::ok);  // builds them all here, and not on the stack of the first fiber that needs one
  }

  route_table routes;
  service_limits limits;
  /// Where the bytes of its connections come from. Outlives them.
  std::pmr::memory_resource* memory = std::pmr::new_delete_resource();
  /// Whether each connection begins with a proxy's header.
  bool proxied = false;
  /// Hears of handlers that failed in a way that is not an answer.
  void (*report)(void* context, std::string_view text) = [](void*, std::string_view) {};
  void* report_context = nullptr;
  /// Set once: every response from then on ends its connection.
  weft::detail::atomic<bool> draining{false};
  /// Set once, not before `draining`: a connection with nothing at hand ends.
  weft::detail::atomic<bool> closing_idle{false};
};

}  // namespace weft::http::detail

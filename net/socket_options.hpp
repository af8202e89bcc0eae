// Options of a TCP socket, one typed setter each. They take the descriptor, so they work on
// tcp_stream::native_handle(), on a listener (whose streams inherit them), and on sockets of one's own.
//
// What weft sets by itself: no_delay on every stream; reuse_address on every listener; close-on-exec and
// non-blocking always. Errors of all: the kernel's. Nothing here blocks.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

#include <weft/runtime/base/result.hpp>

namespace weft::net {

/// TCP_NODELAY: small writes go out at once instead of waiting for the peer's acknowledgement (Nagle, RFC
/// 896).
[[nodiscard]] result<void> set_no_delay(int fd, bool on) noexcept;

/// When a silent peer counts as dead: after `idle` without a byte, then `probes` unanswered probes, one per
/// `interval`.
struct keepalive {
  std::chrono::seconds idle{60};  // the kernel's own 7200 s outlast every NAT table on the way
  std::chrono::seconds interval{10};
  int probes = 6;
};

/// SO_KEEPALIVE; nullopt turns it off.
[[nodiscard]] result<void> set_keepalive(int fd, std::optional<keepalive> how) noexcept;

/// SO_LINGER: what closing does with bytes not yet acknowledged. nullopt: they are still sent, in the
/// background. Zero: they are dropped and the peer sees a reset. Other times make close(2) wait, which weft's
/// close never does: do not use them.
[[nodiscard]] result<void> set_linger(int fd, std::optional<std::chrono::seconds> how_long) noexcept;

/// SO_REUSEADDR: a listener may be bound while old connections of its port are in TIME_WAIT.
[[nodiscard]] result<void> set_reuse_address(int fd, bool on) noexcept;

/// SO_REUSEPORT: several listeners share the port, and the kernel spreads new connections over them.
[[nodiscard]] result<void> set_reuse_port(int fd, bool on) noexcept;

/// Bytes that the kernel buffers in one direction; the kernel keeps its own lower bound. Setting one turns
/// its automatic tuning off for that direction. The getters answer the usable size, half of what the kernel
/// counts.
[[nodiscard]] result<void> set_send_buffer(int fd, std::size_t bytes) noexcept;
[[nodiscard]] result<void> set_receive_buffer(int fd, std::size_t bytes) noexcept;
[[nodiscard]] result<std::size_t> send_buffer(int fd) noexcept;
[[nodiscard]] result<std::size_t> receive_buffer(int fd) noexcept;

/// TCP_CONGESTION by name, as in /proc/sys/net/ipv4/tcp_available_congestion_control ("cubic", "bbr").
[[nodiscard]] result<void> set_congestion_control(int fd, std::string_view name) noexcept;

}  // namespace weft::net

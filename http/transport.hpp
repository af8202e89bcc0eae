// How an exchange reaches its peer when a handler wants more of a body, or streams: a TCP stream, or a script
// in a test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <weft/net/address.hpp>
#include <weft/runtime/base/byte_view.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::io {
class file;
}

namespace weft::net {
class tcp_stream;
}

namespace weft::http::detail {

/// Where bytes of a peer come from.
class peer_source {
 public:
  /// Reads at least one byte; 0: the peer has ended its side. Blocks the calling fiber.
  [[nodiscard]] virtual result<std::size_t> read(std::span<std::byte> into, deadline until) = 0;

 protected:
  ~peer_source() = default;
};

class transport : public peer_source {
 public:
  /// Sends all of `bytes`. Blocks the calling fiber.
  [[nodiscard]] virtual result<void> write(byte_view bytes, deadline until) = 0;

  /// Sends `before`, and behind it `length` bytes of a file, from `offset` on; that it has not so many is
  /// end_of_stream. Blocks the calling fiber.
  [[nodiscard]] virtual result<void> write_file(byte_view before, io::file& from, std::uint64_t offset,
                                                std::uint64_t length, deadline until) = 0;

  /// Who the peer is, or whom it speaks for; none where that has no meaning. Costs a system call.
  virtual std::optional<net::address> remote_address() const noexcept { return std::nullopt; }

  /// Whether it goes through a unix socket, even if the peer is gone. Costs a system call.
  virtual bool on_unix_socket() const noexcept { return false; }

  /// Gives the connection away: what it does from then on is no business of this transport's, whose reads and
  /// writes fail.
  virtual void hand_over(net::tcp_stream& to) noexcept = 0;

 protected:
  ~transport() = default;
};

}  // namespace weft::http::detail

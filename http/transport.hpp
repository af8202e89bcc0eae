// How an exchange reaches its peer when a handler wants more of a body, or streams: a TCP stream, or a script
// in a test.
#pragma once

#include <cstddef>
#include <span>

#include <weft/runtime/base/byte_view.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http::detail {

class transport {
 public:
  /// Reads at least one byte; 0: the peer has ended its side. Blocks the calling fiber.
  [[nodiscard]] virtual result<std::size_t> read(std::span<std::byte> into, deadline until) = 0;

  /// Sends all of `bytes`. Blocks the calling fiber.
  [[nodiscard]] virtual result<void> write(byte_view bytes, deadline until) = 0;

 protected:
  ~transport() = default;
};

}  // namespace weft::http::detail

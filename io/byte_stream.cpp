#include <weft/io/byte_stream.hpp>

#include <poll.h>
#include <sys/socket.h>

namespace weft::detail {

template <class Transfer>
result<std::size_t> byte_stream<Transfer>::read(std::span<std::byte> into, deadline until) {
  if (into.empty()) return std::size_t{0};
  return to_result<std::size_t>(Transfer::read(descriptor_, into, until));
}

template <class Transfer>
result<void> byte_stream<Transfer>::read_exactly(std::span<std::byte> into, deadline until) {
  while (!into.empty()) {
    const outcome count = Transfer::read(descriptor_, into, until);
    if (count == 0) return std::unexpected(errc::end_of_stream);
    if (count < 0) return std::unexpected(error_of(count));
    into = into.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

template <class Transfer>
result<void> byte_stream<Transfer>::wait_readable(deadline until) {
  WEFT_TRY(descriptor_.poll(POLLIN, until));
  return {};
}

template <class Transfer>
result<void> byte_stream<Transfer>::write_all(byte_view bytes, deadline until) {
  std::span<const std::byte> left = bytes;
  while (!left.empty()) {
    const outcome count = Transfer::write(descriptor_, left, until);
    if (count < 0) return std::unexpected(error_of(count));
    left = left.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

template <class Transfer>
result<std::size_t> byte_stream<Transfer>::write_some(byte_view bytes, deadline until) {
  if (bytes.empty()) return std::size_t{0};
  return to_result<std::size_t>(Transfer::write(descriptor_, bytes, until));
}

template <class Transfer>
result<void> byte_stream<Transfer>::shutdown_write()
  requires std::same_as<Transfer, socket_transfer>
{
  return descriptor_.shutdown(SHUT_WR);
}

template class byte_stream<socket_transfer>;
template class byte_stream<file_transfer>;

}  // namespace weft::detail

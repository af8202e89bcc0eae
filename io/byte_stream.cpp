#include <weft/io/byte_stream.hpp>

#include <algorithm>

#include <poll.h>
#include <sys/socket.h>

#include <weft/pools/arena_map.hpp>
#include <weft/runtime/park.hpp>

namespace weft::detail {
namespace {

// Less than that is copied faster than its pages are pinned and its completion is awaited. A guess between
// what others measured: 4 KiB and 16 KiB.
constexpr std::size_t zero_copy_min = 8 << 10;

// The socket or the kernel cannot do it, or has too many pages pinned.
bool wants_a_copy(const std::error_code& error) noexcept {
  return error == std::errc::operation_not_supported || error == std::errc::invalid_argument ||
         error == std::errc::no_buffer_space || error == std::errc::not_enough_memory;
}

bool lies_on_a_stack(std::span<const std::byte> bytes) noexcept {
  stack_place found;
  return !bytes.empty() && (find_stack(&bytes.front(), found) || find_stack(&bytes.back(), found));
}

std::unexpected<io::transfer_failure> failed(const std::error_code& why,
                                             const io::transferred& moved) noexcept {
  return std::unexpected(io::transfer_failure{why, moved});
}

}  // namespace

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
io::transfer_result byte_stream<Transfer>::write_all_zero_copy(byte_view bytes, deadline until)
  requires std::same_as<Transfer, socket_transfer>
{
  using io::transfer_way;
  io::transferred moved;
  if (lies_on_a_stack(bytes)) return failed(std::make_error_code(std::errc::invalid_argument), moved);
  // With no time left there is none to wait for the peer either.
  bool zero_copy = bytes.size() >= zero_copy_min && !std::min(until, deadline_here()).expired();
  std::span<const std::byte> left = bytes;
  while (!left.empty()) {
    descriptor::zero_copy_account account;
    const result<std::size_t> sent = zero_copy ? descriptor_.send_zero_copy(left, account, until)
                                               : descriptor_.send(left, MSG_WAITALL, until);
    if (!sent && zero_copy && wants_a_copy(sent.error())) {
      zero_copy = false;
      continue;
    }
    if (!sent) {
      moved.taken += account.given_up;
      return failed(sent.error(), moved);
    }
    left = left.subspan(*sent);
    moved.taken = moved.bytes += *sent;
    moved.way = std::max(moved.way, account.copied ? transfer_way::copying : transfer_way::zero_copy);
  }
  return moved;
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

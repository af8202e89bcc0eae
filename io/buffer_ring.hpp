// A worker's receive buffers in the hands of the kernel, which chooses one when data has come
// (IORING_REGISTER_PBUF_RING, IOSQE_BUFFER_SELECT).
//
// The kernel takes buffers at the head of a ring of entries in shared memory, and their owner puts them back
// at its tail, on the ring's own thread: one entry and a store-release. One shot per receive: a multishot
// one would go on reading for who does not keep up, ends with ENOBUFS when it is armed on an empty ring, and
// tempts to arm it again. Nor are buffers filled in pieces (PBUF_RING_INC): how often changes with the
// patches of a kernel.
//
// Whether it works is found out by receiving with it (some kernels refuse the registration, others have
// chosen one buffer for two reads). A buffer is out only by a completion that has bytes: kernels have set
// IORING_CQE_F_BUFFER on failed ones too, which had none.
//
// Source: io_uring_register_buf_ring(3); liburing issues 1275, 1530, 1538; kernel 5.19 and later.
#pragma once

#include <cstddef>

#include <liburing.h>

#include <weft/io/provided_buffers.hpp>
#include <weft/io/ring.hpp>

namespace weft::detail {

class buffer_ring {
 public:
  static constexpr unsigned short group = 0;

  buffer_ring() = default;
  buffer_ring(const buffer_ring&) = delete;

  /// Hands all of `buffers`, a power of two, to the kernel, and receives into two of them to see. False: this
  /// does not work here, and `buffers` are as they were. Before anything else is submitted to `of`.
  bool open(ring& of, provided_buffers& buffers) noexcept;

  /// Before `of` is closed; nothing is in flight.
  void close(ring& of) noexcept;

  bool is_open() const noexcept { return entries_ != nullptr; }

 private:
  void provide(std::byte* buffer, unsigned index) noexcept {
    io_uring_buf_ring_add(entries_, buffer, provided_buffers::buffer_bytes,
                          static_cast<unsigned short>(index), mask_, 0);
    io_uring_buf_ring_advance(entries_, 1);
  }

  io_uring_buf_ring* entries_ = nullptr;
  std::size_t entries_bytes_ = 0;
  int mask_ = 0;
};

}  // namespace weft::detail

// One request to the kernel: what to do, and the function that hears how it went.
//
// An operation completes into a record with a function pointer; parking a fiber is one such function, an idle
// connection may be another, so nothing here assumes a stack per wait. The record lies wherever its issuer
// keeps it, and
//
//   from poller::submit() to the last complete() the record and its buffer belong to the poller.
//
// There is no early way out: who no longer wants the result calls poller::cancel() and goes on waiting for
// complete().
#pragma once

#include <cstdint>

namespace weft::detail {

enum class operation_code : std::uint8_t {
  read,           // fd, address, length, offset (-1: the file's own position), flags = RWF_*
  write,          // fd, address, length, offset (-1: the file's own position), flags = RWF_*
  readv,          // fd, address = iovec*, length = how many, offset, flags = RWF_*
  writev,         // fd, address = iovec*, length = how many, offset, flags = RWF_*
  recv,           // fd, address, length, flags = MSG_*
  recv_provided,  // fd, length, flags = MSG_*; when data has come, one of poller::buffers() is taken,
                  // whose address is then in `address`; -ENOBUFS: none was free
  send,           // fd, address, length, flags = MSG_*; MSG_NOSIGNAL is always added
  accept,         // fd, flags = SOCK_*; result is the new descriptor
  accept_many,    // as accept, and completes again and again (`more`) until it fails or is cancelled
  connect,        // fd, address = sockaddr*, length
  close,          // fd
  shutdown,       // fd, flags = SHUT_*
  poll,           // fd, flags = POLL*; result is the events that are ready
  // As send, from the caller's own pages where the kernel can: completes when it has let go of them, perhaps
  // as late as the peer's acknowledgement. `offset`: 0; becomes 1 if nothing was copied. cancel() after the
  // kernel has taken bytes gives up the connection, because nothing else gives them back: -ECANCELED, and
  // `offset` is how many.
  send_zero_copy,
};

/// Hints that only make an operation cheaper.
enum class operation_hint : std::uint8_t {
  none,
  not_ready,  // the descriptor is known not to be ready: do not try before waiting
};

struct operation {
  /// Runs on the worker's own stack, between batches, never inside submit() or cancel(). `result` is the
  /// call's, or -errno. `more`: the operation goes on and this will be called again.
  using completion = void (*)(operation& self, int result, bool more) noexcept;

  completion complete = nullptr;
  void* address = nullptr;
  std::int64_t offset = -1;
  std::uint32_t length = 0;
  std::uint32_t flags = 0;
  int fd = -1;
  operation_code code = operation_code::read;
  operation_hint hint = operation_hint::none;

  // The poller's own, meaningless to everyone else.
  std::uint8_t poller_state = 0;
  std::int32_t poller_result = 0;
  operation* poller_next = nullptr;
  operation* poller_previous = nullptr;
};

}  // namespace weft::detail

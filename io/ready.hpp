// Descriptors as cases of a select: ready to be read, written, or whatever else poll(2) tells.
//
//   weft::select(weft::io::readable(fd, [&] { data = true; }),
//                weft::on_recv(orders, [&](auto order) { ... }));
#pragma once

#include <concepts>
#include <utility>

#include <poll.h>

#include <weft/runtime/alternative.hpp>
#include <weft/runtime/operation.hpp>
#include <weft/runtime/select.hpp>
#include <weft/runtime/select_source.hpp>

namespace weft {
namespace detail {

/// The readiness of a descriptor. A fiber's poller has an operation on it meanwhile; a select that leaves it
/// waits until the kernel has let go.
class ready_alternative final : public alternative, operation {
 public:
  ready_alternative(const wait& begun, int of, short events) noexcept;

  bool enlist(const wait& begun) noexcept override;
  bool leave() noexcept override;

 private:
  static void completed(operation& self, int result, bool more) noexcept;

  wait entry_;
  wait* leaving_ = nullptr;
  bool in_flight_ = false;
};

struct ready_source : plain_source {
  using waiting = ready_alternative;

  ready_source(int fd_, short events_) noexcept : fd{fd_}, events{events_} {}
  bool attempt(no_slot&) const noexcept;
  waiting wait_with(const wait& begun, no_slot&) const noexcept { return {begun, fd, events}; }

  int fd;
  short events;
};

}  // namespace detail

/// A case: one of `poll_events` (POLL*) is ready on `fd`, or an error or a hang-up, or `fd` is not open: then
/// the call that f makes will say what is wrong.
///
/// Cost       one system call per try.
template <std::invocable F>
auto on_ready(int fd, short poll_events, F f) {
  return detail::case_of<detail::ready_source, F>{detail::ready_source{fd, poll_events}, std::move(f)};
}

namespace io {

/// A case: `fd` can be read, or is at its end.
template <std::invocable F>
auto readable(int fd, F f) {
  return on_ready(fd, POLLIN, std::move(f));
}

/// A case: `fd` can be written.
template <std::invocable F>
auto writable(int fd, F f) {
  return on_ready(fd, POLLOUT, std::move(f));
}

}  // namespace io
}  // namespace weft

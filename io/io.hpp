// The system calls of I/O, on plain descriptor numbers: each looks blocking and parks only the fiber.
//
// The number stays the caller's, who keeps it open until the call has returned. A descriptor that one fiber
// uses while another closes it, or that two fibers read, wants more: net::tcp_stream and its kin have it.
//
// Every call here
//
//   Blocks     the calling fiber; on a foreign thread, the thread.
//
//   Errors     deadline_exceeded, canceled, else the kernel's in std::system_category; never EINTR, EAGAIN or
//              SIGPIPE. A deadline that has passed tries once.
//
//   Cancelled  returns when the kernel has let go of the buffer; what a cancelled transfer had moved by then
//              is its result.
//
//   Safe from  any fiber or thread.
//
// The mode of the descriptor (O_NONBLOCK) does not matter; under epoll, accept and connect set it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/socket.h>
#include <sys/uio.h>

#include <weft/runtime/base/byte_view.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::io {

/// Bytes read, 0 at the end.
[[nodiscard]] result<std::size_t> read(int fd, std::span<std::byte> into, deadline until = {}) noexcept;
[[nodiscard]] result<std::size_t> readv(int fd, std::span<const iovec> into, deadline until = {}) noexcept;
/// A page that the kernel has in memory is read without a park.
[[nodiscard]] result<std::size_t> pread(int fd, std::span<std::byte> into, std::uint64_t offset,
                                        deadline until = {}) noexcept;

/// Bytes written, perhaps fewer than there are.
[[nodiscard]] result<std::size_t> write(int fd, byte_view bytes, deadline until = {}) noexcept;
[[nodiscard]] result<std::size_t> writev(int fd, std::span<const iovec> bytes, deadline until = {}) noexcept;
[[nodiscard]] result<std::size_t> pwrite(int fd, byte_view bytes, std::uint64_t offset,
                                         deadline until = {}) noexcept;

/// Bytes received, 0 at the end of the stream. `flags`: MSG_*; with MSG_DONTWAIT, EAGAIN is a result.
[[nodiscard]] result<std::size_t> recv(int fd, std::span<std::byte> into, int flags = 0,
                                       deadline until = {}) noexcept;

/// Bytes sent, perhaps fewer than there are. Never a signal.
[[nodiscard]] result<std::size_t> send(int fd, byte_view bytes, int flags = 0, deadline until = {}) noexcept;

/// The descriptor of a new connection. `flags`: SOCK_CLOEXEC and SOCK_NONBLOCK.
[[nodiscard]] result<int> accept(int fd, int flags = SOCK_CLOEXEC, deadline until = {}) noexcept;

/// A connection that was given up goes on being made: all that is left to do with `fd` is to close it.
[[nodiscard]] result<void> connect(int fd, const sockaddr* address, socklen_t size,
                                   deadline until = {}) noexcept;

/// The events of `events` (POLL*) that are ready, and POLLERR and POLLHUP.
[[nodiscard]] result<int> poll(int fd, short events, deadline until = {}) noexcept;

/// How: SHUT_*. Does not wait.
result<void> shutdown(int fd, int how) noexcept;

/// The number is free afterwards, whatever the result. Waits only for a socket with SO_LINGER, and then
/// blocks the thread.
result<void> close(int fd) noexcept;

}  // namespace weft::io

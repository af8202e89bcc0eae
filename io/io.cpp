#include <weft/io/io.hpp>

#include <cerrno>

#include <unistd.h>

#include <weft/io/perform.hpp>

namespace weft::io {
namespace {

using detail::operation_code;
using detail::outcome;
using detail::pending_operation;
using detail::perform;
using detail::to_result;

outcome transfer(operation_code code, int fd, const void* bytes, std::size_t size, int flags,
                 deadline until) noexcept {
  pending_operation p{code, fd};
  p.set_buffer(bytes, size);
  p.flags = static_cast<std::uint32_t>(flags);
  return perform(p, until);
}

outcome transfer_at(operation_code code, int fd, const void* bytes, std::size_t size, std::uint64_t offset,
                    deadline until) noexcept {
  pending_operation p{code, fd};
  p.set_buffer(bytes, size);
  p.offset = static_cast<std::int64_t>(offset);
  return perform(p, until);
}

}  // namespace

result<std::size_t> read(int fd, std::span<std::byte> into, deadline until) noexcept {
  return to_result<std::size_t>(transfer(operation_code::read, fd, into.data(), into.size(), 0, until));
}

result<std::size_t> readv(int fd, std::span<const iovec> into, deadline until) noexcept {
  return to_result<std::size_t>(transfer(operation_code::readv, fd, into.data(), into.size(), 0, until));
}

result<std::size_t> pread(int fd, std::span<std::byte> into, std::uint64_t offset, deadline until) noexcept {
  // All of it or nothing: a part may be what was in memory, or the end of the file.
  const iovec all{into.data(), into.size()};
  const ssize_t n = ::preadv2(fd, &all, 1, static_cast<off_t>(offset), RWF_NOWAIT);
  if (n < 0 || static_cast<std::size_t>(n) != into.size())
    return to_result<std::size_t>(
        transfer_at(operation_code::read, fd, into.data(), into.size(), offset, until));
  if (detail::fiber* const self = detail::current_fiber()) detail::count_immediate_completion(*self);
  return into.size();
}

result<std::size_t> write(int fd, byte_view bytes, deadline until) noexcept {
  return to_result<std::size_t>(transfer(operation_code::write, fd, bytes.data(), bytes.size(), 0, until));
}

result<std::size_t> writev(int fd, std::span<const iovec> bytes, deadline until) noexcept {
  return to_result<std::size_t>(transfer(operation_code::writev, fd, bytes.data(), bytes.size(), 0, until));
}

result<std::size_t> pwrite(int fd, byte_view bytes, std::uint64_t offset, deadline until) noexcept {
  return to_result<std::size_t>(
      transfer_at(operation_code::write, fd, bytes.data(), bytes.size(), offset, until));
}

result<std::size_t> recv(int fd, std::span<std::byte> into, int flags, deadline until) noexcept {
  return to_result<std::size_t>(transfer(operation_code::recv, fd, into.data(), into.size(), flags, until));
}

result<std::size_t> send(int fd, byte_view bytes, int flags, deadline until) noexcept {
  return to_result<std::size_t>(transfer(operation_code::send, fd, bytes.data(), bytes.size(), flags, until));
}

result<int> accept(int fd, int flags, deadline until) noexcept {
  pending_operation p{operation_code::accept, fd};
  p.flags = static_cast<std::uint32_t>(flags);
  return to_result<int>(perform(p, until));
}

result<void> connect(int fd, const sockaddr* address, socklen_t size, deadline until) noexcept {
  pending_operation p{operation_code::connect, fd};
  p.set_buffer(address, size);
  return to_result<void>(perform(p, until));
}

result<int> poll(int fd, short events, deadline until) noexcept {
  pending_operation p{operation_code::poll, fd};
  p.flags = static_cast<std::uint16_t>(events);
  return to_result<int>(perform(p, until));
}

// Neither waits, so neither is worth a park.

result<void> shutdown(int fd, int how) noexcept {
  if (::shutdown(fd, how) == 0) return {};
  return std::unexpected(std::error_code{errno, std::system_category()});
}

result<void> close(int fd) noexcept {
  if (::close(fd) == 0) return {};
  return std::unexpected(std::error_code{errno, std::system_category()});
}

}  // namespace weft::io

#include <weft/io/file.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <weft/io/blocking_call.hpp>
#include <weft/io/cached_read.hpp>
#include <weft/runtime/this_fiber.hpp>

#ifndef STATX_DIOALIGN  // Linux 6.1, glibc 2.37
#define STATX_DIOALIGN 0x2000U
#endif

namespace weft::io {
namespace {

using namespace std::chrono_literals;
using detail::blocking_call;
using detail::descriptor_use;
using detail::failure;
using detail::operation_code;
using detail::outcome;
using detail::pending_operation;
using detail::to_result;

constexpr std::int64_t own_position = -1;

// How often somebody who waits for a lock asks for it: soon at first, then rarely. A guess.
constexpr std::chrono::nanoseconds lock_poll_min = 1ms, lock_poll_max = 50ms;

std::int64_t signed_offset(std::uint64_t offset) noexcept { return static_cast<std::int64_t>(offset); }

std::size_t bytes_in(std::span<const iovec> buffers) noexcept {
  std::size_t sum = 0;
  for (const iovec& b : buffers) sum += b.iov_len;
  return sum;
}

// What there is at the file's own position, which it moves. False: it is not known without waiting.
bool read_cached_here(int fd, std::span<const iovec> into, std::size_t& bytes) noexcept {
  const ssize_t n = ::preadv2(fd, into.data(), static_cast<int>(into.size()), own_position, RWF_NOWAIT);
  if (n >= 0) bytes = static_cast<std::size_t>(n);
  return n >= 0;
}

int open_now(const char* path, int flags, const open_options& options) noexcept {
  const bool creates = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  how.mode = creates ? options.mode : 0;
  how.resolve = options.resolve;
  const long fd = ::syscall(SYS_openat2, options.directory, path, &how, sizeof how);
  // Hidden by a seccomp filter that does not know it: without RESOLVE_* the old call does the same.
  if (fd < 0 && errno == ENOSYS && options.resolve == 0)
    return ::openat(options.directory, path, flags, options.mode);
  return static_cast<int>(fd);
}

// For file systems without O_TMPFILE.
int open_temporary_by_name(std::string directory) noexcept {
  directory += "/weft-XXXXXX";
  const int fd = ::mkostemp(directory.data(), O_CLOEXEC);
  if (fd >= 0) ::unlink(directory.c_str());
  return fd;
}

}  // namespace

// --- opening

file::file(int fd) noexcept : file{fd, fd < 0 ? 0 : std::max(::fcntl(fd, F_GETFL), 0)} {}

result<file> file::open(std::string_view path, int flags, const open_options& options, deadline until) {
  const std::string name = WEFT_TRY(detail::kernel_path(path));
  flags |= O_CLOEXEC;
  const int fd = WEFT_TRY(blocking_call([&] { return open_now(name.c_str(), flags, options); }, until));
  return file{fd, flags};
}

result<file> file::temporary(std::string_view directory, deadline until) {
  const std::string name = WEFT_TRY(detail::kernel_path(directory));
  constexpr int flags = O_TMPFILE | O_RDWR | O_CLOEXEC;
  const auto open_nameless = [&] {
    const int made = ::open(name.c_str(), flags, 0600);
    return made < 0 && errno == EOPNOTSUPP ? open_temporary_by_name(name) : made;
  };
  return file{WEFT_TRY(blocking_call(open_nameless, until)), 0};
}

// --- transfers

outcome file::transfer_entered(operation_code code, const void* bytes, std::size_t size, std::int64_t offset,
                               int flags, deadline until) noexcept {
  pending_operation p{code, -1};
  p.set_buffer(bytes, size);
  p.offset = offset;
  p.flags = static_cast<std::uint32_t>(flags);
  return descriptor_.perform(p, until);
}

outcome file::transfer(operation_code code, const void* bytes, std::size_t size, std::int64_t offset,
                       int flags, deadline until) noexcept {
  const descriptor_use use{descriptor_};
  return use ? transfer_entered(code, bytes, size, offset, flags, until) : failure(errc::closed);
}

result<std::size_t> file::pread(std::span<std::byte> into, std::uint64_t offset, deadline until) noexcept {
  if (into.size() > pending_operation::length_max) into = into.first(pending_operation::length_max);
  return to_result<std::size_t>(read_at(into, signed_offset(offset), until));
}

outcome file::read_at(std::span<std::byte> into, std::int64_t offset, deadline until) noexcept {
  const descriptor_use use{descriptor_};
  if (!use) return failure(errc::closed);
  const detail::cached_part found =
      direct_ ? detail::cached_part{} : detail::read_cached(native_handle(), into, offset);
  const auto bytes = static_cast<outcome>(found.bytes);
  if (found.to_the_end) {
    detail::count_immediate_read();
    return bytes;
  }
  const outcome rest =
      transfer_entered(operation_code::read, into.data() + found.bytes, into.size() - found.bytes,
                       offset + static_cast<std::int64_t>(found.bytes), 0, until);
  if (rest < 0) return bytes > 0 ? bytes : rest;
  return bytes + rest;
}

result<std::size_t> file::preadv(std::span<const iovec> into, std::uint64_t offset, deadline until) noexcept {
  return to_result<std::size_t>(read_vector(into, signed_offset(offset), until));
}

result<std::size_t> file::read(std::span<std::byte> into, deadline until) noexcept {
  const iovec one{into.data(), into.size()};
  return to_result<std::size_t>(read_vector({&one, 1}, own_position, until));
}

result<std::size_t> file::readv(std::span<const iovec> into, deadline until) noexcept {
  return to_result<std::size_t>(read_vector(into, own_position, until));
}

outcome file::read_vector(std::span<const iovec> into, std::int64_t offset, deadline until) noexcept {
  const descriptor_use use{descriptor_};
  if (!use) return failure(errc::closed);
  std::size_t bytes = 0;
  if (direct_) {
  } else if (offset == own_position) {
    if (read_cached_here(native_handle(), into, bytes)) {
      detail::count_immediate_read();
      return static_cast<outcome>(bytes);
    }
  } else {
    // All of it or nothing: a part may be what was in memory, or the end of the file.
    const ssize_t n =
        ::preadv2(native_handle(), into.data(), static_cast<int>(into.size()), offset, RWF_NOWAIT);
    if (n >= 0 && static_cast<std::size_t>(n) == bytes_in(into)) {
      detail::count_immediate_read();
      return static_cast<outcome>(n);
    }
  }
  return transfer_entered(operation_code::readv, into.data(), into.size(), offset, 0, until);
}

result<void> file::pread_exactly(std::span<std::byte> into, std::uint64_t offset, deadline until) noexcept {
  while (!into.empty()) {
    const std::size_t count = WEFT_TRY(pread(into, offset, until));
    if (count == 0) return std::unexpected(errc::end_of_stream);
    into = into.subspan(count);
    offset += count;
  }
  return {};
}

result<void> file::read_exactly(std::span<std::byte> into, deadline until) noexcept {
  while (!into.empty()) {
    const std::size_t count = WEFT_TRY(read(into, until));
    if (count == 0) return std::unexpected(errc::end_of_stream);
    into = into.subspan(count);
  }
  return {};
}

result<std::size_t> file::pwrite(byte_view bytes, std::uint64_t offset, deadline until) noexcept {
  return to_result<std::size_t>(
      transfer(operation_code::write, bytes.data(), bytes.size(), signed_offset(offset), 0, until));
}

result<std::size_t> file::pwritev(std::span<const iovec> bytes, std::uint64_t offset,
                                  deadline until) noexcept {
  return to_result<std::size_t>(
      transfer(operation_code::writev, bytes.data(), bytes.size(), signed_offset(offset), 0, until));
}

result<std::size_t> file::write(byte_view bytes, deadline until) noexcept {
  return to_result<std::size_t>(
      transfer(operation_code::write, bytes.data(), bytes.size(), own_position, 0, until));
}

result<std::size_t> file::writev(std::span<const iovec> bytes, deadline until) noexcept {
  return to_result<std::size_t>(
      transfer(operation_code::writev, bytes.data(), bytes.size(), own_position, 0, until));
}

result<std::size_t> file::append(byte_view bytes, deadline until) noexcept {
  return to_result<std::size_t>(
      transfer(operation_code::write, bytes.data(), bytes.size(), 0, RWF_APPEND, until));
}

result<void> file::pwrite_all(byte_view bytes, std::uint64_t offset, deadline until) noexcept {
  std::span<const std::byte> left = bytes;
  while (!left.empty()) {
    const std::size_t count = WEFT_TRY(pwrite(left, offset, until));
    if (count == 0) return detail::system_error(EIO);  // a device that takes nothing and says no reason
    left = left.subspan(count);
    offset += count;
  }
  return {};
}

result<void> file::write_all(byte_view bytes, deadline until) noexcept {
  std::span<const std::byte> left = bytes;
  while (!left.empty()) {
    const std::size_t count = WEFT_TRY(write(left, until));
    if (count == 0) return detail::system_error(EIO);
    left = left.subspan(count);
  }
  return {};
}

result<std::uint64_t> file::seek(std::int64_t offset, int from) noexcept {
  const descriptor_use use{descriptor_};
  if (!use) return std::unexpected(errc::closed);
  const off_t at = ::lseek(native_handle(), offset, from);
  if (at < 0) return detail::system_error(errno);
  return static_cast<std::uint64_t>(at);
}

// --- the file itself

/// f(descriptor), on a thread that may block.
template <class F>
result<void> file::call(F f, deadline until) {
  const descriptor_use use{descriptor_};
  if (!use) return std::unexpected(errc::closed);
  WEFT_TRY(blocking_call([&] { return f(native_handle()); }, until));
  return {};
}

result<void> file::sync(deadline until) { return call(::fsync, until); }

result<void> file::sync_data(deadline until) { return call(::fdatasync, until); }

result<struct ::statx> file::stat(deadline until, unsigned mask) {
  struct ::statx status{};
  WEFT_TRY(call([&](int fd) { return ::statx(fd, "", AT_EMPTY_PATH, mask, &status); }, until));
  return status;
}

result<std::uint64_t> file::size(deadline until) { return WEFT_TRY(stat(until, STATX_SIZE)).stx_size; }

result<void> file::truncate(std::uint64_t size, deadline until) {
  return call([&](int fd) { return ::ftruncate(fd, signed_offset(size)); }, until);
}

result<void> file::allocate(file_range range, int mode, deadline until) {
  const auto allocate_now = [&](int fd) {
    return ::fallocate(fd, mode, signed_offset(range.offset), signed_offset(range.length));
  };
  return call(allocate_now, until);
}

result<void> file::advise(file_range range, int advice, deadline until) {
  const auto advise_now = [&](int fd) {
    errno = ::posix_fadvise(fd, signed_offset(range.offset), signed_offset(range.length), advice);
    return errno == 0 ? 0 : -1;
  };
  return call(advise_now, until);
}

result<void> file::link(std::string_view path, deadline until) {
  const std::string name = WEFT_TRY(detail::kernel_path(path));
  const auto link_now = [&](int fd) {
    char self[32];  // AT_EMPTY_PATH would need a capability
    std::snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    return ::linkat(AT_FDCWD, self, AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW);
  };
  return call(link_now, until);
}

result<io::direct_alignment> file::direct_alignment(deadline until) {
  // Newer than some C libraries: two words behind what their struct statx names.
  union {
    struct ::statx known;
    std::uint32_t words[64];
  } status{};
  constexpr std::size_t dio_memory = 0x98 / 4, dio_offset = 0x9c / 4;
  WEFT_TRY(
      call([&](int fd) { return ::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status.known); }, until));
  if ((status.known.stx_mask & STATX_DIOALIGN) == 0) return io::direct_alignment{};
  return io::direct_alignment{status.words[dio_memory], status.words[dio_offset]};
}

// --- locks

int file::set_lock(short type, file_range range) noexcept {
  struct ::flock asked{};
  asked.l_type = type;
  asked.l_whence = SEEK_SET;
  asked.l_start = signed_offset(range.offset);
  asked.l_len = signed_offset(range.length);
  const descriptor_use use{descriptor_};
  if (!use) return failure(errc::closed);
  if (::fcntl(native_handle(), F_OFD_SETLK, &asked) == 0) return 0;
  return errno == EAGAIN || errno == EACCES ? failure(errc::would_block) : -errno;
}

result<void> file::try_lock(lock_kind kind, file_range range) noexcept {
  return to_result<void>(set_lock(kind == lock_kind::shared ? F_RDLCK : F_WRLCK, range));
}

result<void> file::lock(lock_kind kind, deadline until, file_range range) {
  for (std::chrono::nanoseconds pause = lock_poll_min;; pause = std::min(2 * pause, lock_poll_max)) {
    const result<void> tried = try_lock(kind, range);
    if (tried || tried.error() != errc::would_block) return tried;
    if (until.expired()) return std::unexpected(errc::deadline_exceeded);
    WEFT_TRY(this_fiber::sleep_until(std::min(until, deadline{pause})));
  }
}

result<void> file::unlock(file_range range) noexcept { return to_result<void>(set_lock(F_UNLCK, range)); }

}  // namespace weft::io

#include <weft/http/files/open_file.hpp>

#include <cerrno>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <weft/io/blocking_call.hpp>

namespace weft::http::detail {

result<io::file> open_file(const std::string& path, int flags, const io::open_options& options) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = options.resolve | RESOLVE_CACHED;
  const long fd = ::syscall(SYS_openat2, options.directory, path.c_str(), &how, sizeof how);
  if (fd >= 0) return io::file{static_cast<int>(fd)};
  // It would have to wait; or this kernel does not know the flag; or the call is hidden from us.
  if (errno == EAGAIN || errno == EINVAL || errno == ENOSYS || errno == EPERM)
    return io::file::open(path, flags, options);
  return weft::detail::system_error(errno);
}

result<struct ::statx> status_of_file(const io::file& opened) noexcept {
  struct ::statx status{};
  if (::statx(opened.native_handle(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &status) !=
      0)
    return weft::detail::system_error(errno);
  return status;
}

}  // namespace weft::http::detail

#include <weft/net/listen_at_path.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <weft/runtime/base/system_failure.hpp>

namespace weft::detail {
namespace {

io::owned_descriptor open_socket() noexcept {
  return io::owned_descriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
}

bool bind_to(const io::owned_descriptor& socket, const net::unix_address& at) noexcept {
  return ::bind(socket.get(), at.data(), at.size()) == 0;
}

bool is_left_behind(const net::unix_address& at) noexcept {
  struct stat there;
  if (::lstat(at.path(), &there) != 0 || !S_ISSOCK(there.st_mode)) return false;
  const io::owned_descriptor probe = open_socket();
  return probe && ::connect(probe.get(), at.data(), at.size()) != 0 && errno == ECONNREFUSED;
}

io::owned_descriptor folder_of(const char* path) noexcept {
  std::array<char, sizeof(sockaddr_un{}.sun_path) + 2> folder{"."};
  if (const char* const slash = std::strrchr(path, '/'); slash != nullptr) {
    std::memcpy(folder.data(), path, static_cast<std::size_t>(slash - path) + 1);
    folder[static_cast<std::size_t>(slash - path) + 1] = '\0';
  }
  return io::owned_descriptor{::open(folder.data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
}

}  // namespace

result<io::owned_descriptor> listen_at_path(const net::unix_address& at, int backlog) noexcept {
  io::owned_descriptor socket = open_socket();
  if (!socket) return system_failure();
  io::owned_descriptor lock;
  if (!bind_to(socket, at)) {
    if (errno != EADDRINUSE || at.path() == nullptr) return system_failure();
    lock = folder_of(at.path());
    // Not waited for: whoever may read the folder can hold it as long as he likes.
    if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 || !is_left_behind(at))
      return system_failure(EADDRINUSE);
    if (::unlink(at.path()) != 0 || !bind_to(socket, at)) return system_failure();
  }
  if (::listen(socket.get(), backlog) == 0) return socket;
  const int why = errno;
  if (at.path() != nullptr) ::unlink(at.path());
  return system_failure(why);
}

}  // namespace weft::detail

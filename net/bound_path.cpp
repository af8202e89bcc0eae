#include <weft/net/bound_path.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace weft::detail {

bound_path::bound_path(const net::unix_address& at) {
  struct stat made;
  if (at.path() == nullptr || ::lstat(at.path(), &made) != 0) return;
  path_ = at.path();
  device_ = made.st_dev;
  inode_ = made.st_ino;
}

bound_path::bound_path(bound_path&& from) noexcept
    : path_{std::exchange(from.path_, {})}, device_{from.device_}, inode_{from.inode_} {}

bound_path& bound_path::operator=(bound_path&& from) noexcept {
  if (this == &from) return *this;
  remove();
  path_ = std::exchange(from.path_, {});
  device_ = from.device_;
  inode_ = from.inode_;
  return *this;
}

void bound_path::remove() noexcept {
  if (path_.empty()) return;
  struct stat there;
  if (::lstat(path_.c_str(), &there) == 0 && there.st_dev == device_ && there.st_ino == inode_)
    ::unlink(path_.c_str());
  path_.clear();
}

}  // namespace weft::detail

// The name in the file system that binding a unix socket has made: goes with the socket, unless it is
// somebody else's by then.
#pragma once

#include <sys/types.h>

#include <string>

#include <weft/net/unix_address.hpp>

namespace weft::detail {

class bound_path {
 public:
  /// None.
  bound_path() noexcept = default;

  /// That of a socket which has just been bound to `at`; none if that is no path.
  explicit bound_path(const net::unix_address& at);

  bound_path(bound_path&& from) noexcept;
  bound_path& operator=(bound_path&& from) noexcept;
  ~bound_path() { remove(); }

  /// None from now on; what is there stays.
  void keep() noexcept { path_.clear(); }

  /// Unlinks it, if it is still the same file. Once; not by two at a time.
  void remove() noexcept;

 private:
  std::string path_;  // empty: none
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace weft::detail

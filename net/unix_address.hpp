// Where a unix socket is: a path, a name of Linux's abstract namespace, or nowhere.
//
// A value in the form that the kernel takes. As text: "/run/weft.sock", "weft.sock" (relative to the working
// directory), "@weft" (abstract: no file, gone with its socket, open to whoever is in the same network
// namespace). Source: unix(7).
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <string>
#include <string_view>

#include <weft/runtime/base/result.hpp>

namespace weft::detail {

/// What stands before such an address where an address of IP could stand too: "unix:/run/weft.sock".
inline constexpr std::string_view unix_prefix = "unix:";

}  // namespace weft::detail

namespace weft::net {

class unix_address {
 public:
  /// The address of a socket that is bound to none: "".
  unix_address() noexcept = default;

  /// Errors     EINVAL: empty, or with a NUL. ENAMETOOLONG: more than 107 bytes.
  [[nodiscard]] static result<unix_address> parse(std::string_view text) noexcept;

  /// Of what the kernel has filled in.
  static unix_address from(const sockaddr_un& filled, socklen_t size) noexcept;

  bool is_unnamed() const noexcept { return size_ == offsetof(sockaddr_un, sun_path); }
  bool is_abstract() const noexcept { return !is_unnamed() && storage_.sun_path[0] == '\0'; }

  /// As parse() takes it; "" if unnamed.
  std::string string() const;

  /// The path, with a NUL behind it; nullptr if it is none.
  const char* path() const noexcept { return is_unnamed() || is_abstract() ? nullptr : storage_.sun_path; }

  const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const noexcept { return size_; }

  friend bool operator==(const unix_address& a, const unix_address& b) noexcept {
    return a.name() == b.name();
  }

 private:
  std::string_view name() const noexcept {
    return {storage_.sun_path, size_ - offsetof(sockaddr_un, sun_path)};
  }

  sockaddr_un storage_{.sun_family = AF_UNIX, .sun_path = {}};
  socklen_t size_ = offsetof(sockaddr_un, sun_path);  // without the NUL behind a path
};

}  // namespace weft::net

// What the tests of descriptors over the simulated kernel share.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <system_error>

#include <fcntl.h>

#include <weft/runtime/base/errc.hpp>

namespace weft {

// A number that is open, so that close() has something to close.
inline int some_descriptor() {
  static const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  return ::fcntl(null, F_DUPFD_CLOEXEC, 0);
}

inline bool is_any_of(const std::error_code& error, std::initializer_list<errc> allowed) {
  return std::ranges::any_of(allowed, [&](errc e) { return error == e; });
}

}  // namespace weft

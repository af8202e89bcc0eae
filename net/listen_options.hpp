// How a listener listens, whatever the family of its socket.
#pragma once

#include <chrono>

namespace weft::net {

struct listen_options {
  /// Connections that the kernel completes ahead of accept; it cuts this to net.core.somaxconn.
  int backlog = 4096;
  /// How long serve() lets its connections go on after close(), before their fibers are asked to stop.
  std::chrono::nanoseconds drain = std::chrono::seconds{10};
  /// Of a unix socket that was handed over: close() removes its path, as that of one that bind() has made.
  bool owns_path = false;
};

}  // namespace weft::net

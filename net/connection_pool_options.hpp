// What a connection_pool has to choose.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

#include <weft/runtime/pool_options.hpp>

namespace weft::net {

class resolver;

struct connection_pool_options {
  std::string_view name = "connections";  ///< for the metrics; must outlive the pool
  std::size_t limit = 200;                ///< connections in all, in use or idle
  std::size_t endpoint_limit = 64;        ///< of these, to one endpoint; a guess
  exhaustion exhausted = exhaustion::wait;
  /// How long a connection may be idle before it is closed. Zero: none is kept.
  std::chrono::nanoseconds idle_max = std::chrono::seconds{30};
  /// How long it may stand before it is not used again; nanoseconds::max(): for ever.
  std::chrono::nanoseconds lifetime_max = std::chrono::minutes{10};
  /// How long it may take to make one; the caller's own deadline holds besides.
  std::chrono::nanoseconds connect_max = std::chrono::seconds{5};
  /// Looks names up, and must outlive the pool. Null: as tcp_stream::connect() does, with no memory.
  resolver* names = nullptr;
  /// The clock by which connections age. Null: the steady one.
  std::chrono::steady_clock::time_point (*now)() = nullptr;
};

}  // namespace weft::net

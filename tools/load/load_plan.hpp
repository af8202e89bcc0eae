// How a target is put under load.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

struct load_plan {
  unsigned connections = 10;
  unsigned pipeline = 1;       // requests in one write; the next when all of them are answered
  std::optional<double> rate;  // requests per second, of all connections; none: as fast as answers come
  bool keep_alive = true;
  std::chrono::nanoseconds warm_up = std::chrono::seconds{1};
  std::chrono::nanoseconds duration = std::chrono::seconds{10};
  std::chrono::nanoseconds timeout = std::chrono::seconds{10};  // of one request, from when it is sent
};

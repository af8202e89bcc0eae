// A copy of what the rings of all threads had at one moment, to be written in one format or another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <weft/runtime/trace/record.hpp>

namespace weft::trace {

struct recording {
  /// Of one thread: a worker, or a foreign one.
  struct track {
    std::uint64_t thread = 0;  // as the kernel knows it
    std::string name;          // "worker 0 (weft-0)"; a foreign thread's own
    std::uint64_t lost = 0;    // records that were overwritten before it was taken
    std::vector<detail::record> records{};
  };

  std::vector<track> tracks;
  std::int64_t taken = 0;      // when, CLOCK_MONOTONIC, ns
  std::int64_t unix_zero = 0;  // what to add for the time since 1970

  /// How many records it has.
  std::size_t size() const noexcept {
    std::size_t count = 0;
    for (const track& t : tracks) count += t.records.size();
    return count;
  }
};

}  // namespace weft::trace

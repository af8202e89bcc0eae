// What one worker counts of a server's requests: plain numbers for the worker, which any thread may read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <weft/http/message/status.hpp>
#include <weft/runtime/metrics/counter.hpp>
#include <weft/runtime/metrics/histogram.hpp>

namespace weft::http::detail {

using weft::detail::counter;

/// How often there was which status, 100 to 599: by its lowest nine bits, which are no other's.
class status_counts {
 public:
  void record(status s) noexcept { ++counts_[static_cast<std::uint16_t>(s) % size]; }

  /// Calls f(status, count) for those that there were, in their order.
  template <class F>
  void for_each(F f) const {
    for (std::size_t code = 100; code < 100 + size; ++code)
      if (const std::uint64_t count = counts_[code % size]; count != 0) f(static_cast<status>(code), count);
  }

 private:
  static constexpr std::size_t size = 512;

  std::array<counter, size> counts_{};
};

/// Only its worker writes.
struct server_counters {
  counter requests;         // whose head was understood
  status_counts responses;  // that were made, or whose head was
  status_counts rejected;   // of these, the ones to what is no request that may be looked at
  counter received_bytes, sent_bytes;
  counter cache_hits, cache_misses;

  counter opened, closed;    // connections
  counter refused;           // for which there was no room
  counter evicted;           // that made room for another
  counter handling;          // now, of requests
  counter reading, writing;  // now, of connections

  weft::detail::histogram_recorder latency;
};

}  // namespace weft::http::detail

// What a server says about itself: server.metrics().
//
//     std::string text = weft::to_prometheus(rt.metrics());
//     text += weft::http::to_prometheus(server.metrics());
//
// Counts begin with serve() and only grow. Each worker counts for itself, without locked instructions, and
// who asks adds them up. docs/metrics.md says what each number means, and what to do when it is bad.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <weft/http/message/status.hpp>
#include <weft/runtime/metrics/histogram.hpp>

namespace weft::http {

struct status_count {
  http::status status{};
  std::uint64_t count = 0;
};

struct server_metrics {
  std::uint64_t requests = 0;           ///< whose head was understood
  std::vector<status_count> responses;  ///< by status; streamed ones from their head on
  std::vector<status_count> rejected;   ///< of these, the ones to what is no sound request, or came too late
  /// From when the last byte of a request's head was read until the kernel had the last of its response. What
  /// came together counts alike: as long as all of it took.
  histogram latency;

  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;

  std::uint64_t cache_hits = 0;    ///< responses that a response_cache had
  std::uint64_t cache_misses = 0;  ///< and that it might have had

  std::uint64_t accepted = 0;  ///< connections
  std::uint64_t refused = 0;   ///< connections beyond the limit: answered 503, or just closed
  std::uint64_t evicted = 0;   ///< idle connections that made room for another

  // Connections now, as they were counted one after the other.
  std::size_t connections = 0;  ///< all of them
  std::size_t idle = 0;         ///< wait for a request, or for the peer to go: the rest
  std::size_t reading = 0;      ///< have sent a part of one; or are to begin with a proxy's header
  std::size_t handling = 0;     ///< have a handler running
  std::size_t writing = 0;      ///< take what is sent

  /// How many responses had a status of 100 * `hundreds` to 99 more.
  std::uint64_t responses_of_class(int hundreds) const noexcept;
  /// How many responses had that status.
  std::uint64_t responses_with(http::status s) const noexcept;
};

/// The text exposition format 0.0.4, to be appended to that of the runtime. Of one server per text: families
/// must not come twice.
[[nodiscard]] std::string to_prometheus(const server_metrics& m);

}  // namespace weft::http

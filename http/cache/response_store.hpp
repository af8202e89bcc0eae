// What a response cache holds: for each worker the responses and who computes what, and for all of them the
// epochs by which a path is forgotten everywhere at once.
//
// A path's epoch is one of a table of counters, by its hash. What is stored remembers the epoch of before it
// was computed, and counts only while that is the present one: so one addition makes all workers forget all
// of a path's responses, those under way too, and now and then another path's of the same hash.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>

#include <weft/http/cache/response_cache.hpp>
#include <weft/http/cache/sieve_cache.hpp>
#include <weft/http/message/status.hpp>
#include <weft/http/per_worker.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/event.hpp>

namespace weft::http::detail {

/// A response as it is stored: made once, sent often.
struct stored_response {
  stored_response(status s, std::string_view content_type, std::string_view fields_of_it,
                  std::shared_ptr<const std::string> text, std::int64_t now);

  std::size_t bytes() const noexcept {
    return sizeof *this + type.size() + fields.size() + kept_fields.size() + etag.size() + body->size();
  }

  status code;
  std::string type;
  std::string fields;
  std::string kept_fields;  // with 304
  std::string etag;         // empty: none
  std::optional<std::int64_t> modified;
  std::shared_ptr<const std::string> body;
  bool for_all = false;  // for requests with credentials too
};

/// What stands under one key: a response; or the names of the request's fields that the keys of the responses
/// hold besides; or neither, and then nobody is to wait for what it will be.
struct cache_slot {
  std::shared_ptr<const stored_response> response{};
  std::string vary{};
  std::int64_t stored = 0, good_until = 0;  // nanoseconds
  std::uint32_t epoch = 0;
};

/// A response that is being computed.
struct cache_flight {
  event landed;
  bool refused = false;       // it is not stored, and the next one would not be either
  std::error_code failure{};  // that all who wait have in common
};

/// One worker's. Only that worker touches it, but for the counters.
struct cache_part {
  cache_part(std::size_t entries_max, std::size_t bytes_max) noexcept : slots{entries_max, bytes_max} {}

  // Only the worker adds, so that this needs no locked instruction.
  static void count(weft::detail::atomic<std::uint64_t>& c) noexcept {
    c.store(c.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  sieve_cache<cache_slot> slots;
  std::unordered_map<std::string, std::shared_ptr<cache_flight>> flights;
  weft::detail::atomic<std::uint64_t> hits{0}, misses{0}, waits{0}, passes{0}, stores{0}, evictions{0};
};

class response_store {
 public:
  response_store(response_cache_options o, std::int64_t (*steady)() noexcept) noexcept
      : options{o}, clock{steady} {}

  cache_part& here() {
    return parts.here(
        [this] { return std::make_unique<cache_part>(options.entries_max, options.bytes_max); });
  }

  std::uint32_t epoch_of(std::string_view path) const noexcept {
    return counter_of(path).load(std::memory_order_acquire) + all_.load(std::memory_order_acquire);
  }
  void forget(std::string_view path) noexcept { counter_of(path).fetch_add(1, std::memory_order_acq_rel); }
  void forget_all() noexcept { all_.fetch_add(1, std::memory_order_acq_rel); }

  const response_cache_options options;
  std::int64_t (*const clock)() noexcept;
  per_worker<cache_part> parts;

 private:
  using counter = weft::detail::atomic<std::uint32_t>;

  counter& counter_of(std::string_view path) noexcept {
    return epochs_[std::hash<std::string_view>{}(path) % epochs_.size()];
  }
  const counter& counter_of(std::string_view path) const noexcept {
    return epochs_[std::hash<std::string_view>{}(path) % epochs_.size()];
  }

  std::array<counter, 1024> epochs_{};
  counter all_{0};
};

}  // namespace weft::http::detail

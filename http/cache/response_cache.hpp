// Middleware that keeps finished responses, and answers with them what would be answered the same again:
//
//   const http::response_cache cache{{.ttl = 5s}};
//   routes.use(cache);                            // or around one handler: cache(q, s, [&] { ... })
//   cache.statistics().hits;
//
// A GET is found by host, path, sorted query, and what of the request the response's Vary names; HEAD is
// answered from what GET has stored. A stored response answers conditions: who has it already gets a 304 made
// beforehand. Responses without an ETag get a weak one, by their content.
//
// Single flight: of requests for what is not there, one goes on to the handler and the others wait for what
// it brings. If that fails on the server's side they fail as it did; if it must not be stored each goes to
// the handler, and for a second nobody waits for anything of that key again.
//
// Never stored: what says no-store, no-cache or private, sets a cookie, has no statuses that may be (206 has
// not), is streamed, or is precompiled anyway. Requests with Authorization or Cookie are answered from the
// cache, and their answers stored, only if these say public, must-revalidate or s-maxage; those with Range or
// no-store go past. A request's wish for something fresher is not heard: who asks is no reason to compute. A
// method that changes things, and does not fail, makes the cache forget all of its path, on all workers.
//
// Each worker has its own, with no lock: so a response is computed once per worker, and the bounds are a
// worker's. What has to make room is what SIEVE chooses.
//
// Source: RFC 9111; the short refusal to wait is Varnish's hit-for-miss.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>

#include <weft/http/request.hpp>
#include <weft/http/response.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http {

struct response_cache_options {
  std::size_t entries_max = 1000;
  /// Bytes of bodies, fields and keys.
  std::size_t bytes_max = 16 << 20;
  /// Of one body. What is larger is not stored.
  std::size_t body_max = 1 << 20;
  /// For how long a response is good that does not say so itself (Cache-Control, Expires). 0: such are not
  /// stored.
  std::chrono::seconds ttl{60};
};

struct response_cache_statistics {
  std::uint64_t hits = 0;       // answered from the cache, 304 included
  std::uint64_t misses = 0;     // went on to the handler, and might have been hits
  std::uint64_t waits = 0;      // of all, waited for another's miss first
  std::uint64_t passes = 0;     // went on because a cache is not for them
  std::uint64_t stores = 0;     // responses that were stored,
  std::uint64_t evictions = 0;  // and that had to make room for others
};

namespace detail {

class response_store;
struct cache_flight;
struct cache_part;
struct cache_slot;
struct stored_response;

/// One request's dealings with the cache.
class cache_visit {
 public:
  cache_visit(response_store& of, request& q, response& s) noexcept : store_{of}, request_{q}, response_{s} {}
  cache_visit(const cache_visit&) = delete;
  cache_visit& operator=(const cache_visit&) = delete;
  ~cache_visit();

  /// Whether the response has been made from the cache. If not, the handler is to be called, and leave()
  /// after it.
  ///
  /// Blocks     the calling fiber, while another computes the same.
  /// Errors     what became of that; status::precondition_failed; canceled; deadline_exceeded.
  [[nodiscard]] result<bool> enter();

  /// Takes what has become of the handler: stores the response, or lets who waits know that it will not be.
  result<void> leave(result<void> outcome);

 private:
  enum class kind : std::uint8_t { reads, writes, passes };
  enum class landing : std::uint8_t { stored, refused, failed, lost };  // of a flight

  void classify();
  result<bool> find_or_wait();
  cache_slot* find();
  bool is_good(const cache_slot& slot) const noexcept;
  result<void> answer(const stored_response& r);
  std::shared_ptr<const stored_response> take_response();
  result<bool> store();
  void land(landing how, std::error_code why = {});

  response_store& store_;
  request& request_;
  response& response_;
  cache_part* part_ = nullptr;
  kind kind_ = kind::passes;
  bool has_credentials_ = false;
  bool alone_ = false;          // waits for nobody, and nobody for it
  std::size_t mark_ = 0;        // the fields before are not the handler's
  std::uint32_t epoch_ = 0;     // of the path, before the handler ran
  std::string key_, full_key_;  // without, and with, what Vary names
  std::string flight_key_;
  std::shared_ptr<cache_flight> flight_;  // its own
};

}  // namespace detail

/// Copies share one cache. Belongs to one runtime.
class response_cache {
 public:
  /// `clock`: nanoseconds of a steady clock; for tests.
  explicit response_cache(response_cache_options options = {},
                          std::int64_t (*clock)() noexcept = weft::detail::steady_ns);

  /// Middleware: `next` is called as next(), and makes the response.
  template <class Next>
  result<void> operator()(request& q, response& s, Next next) const {
    detail::cache_visit visit{*store_, q, s};
    if (WEFT_TRY(visit.enter())) return {};
    return visit.leave(next());
  }

  /// Forgets everything, on all workers. Safe from  any thread.
  void clear() const noexcept;

  /// Sums over all workers, of which each may be a little behind. Safe from  any thread.
  response_cache_statistics statistics() const noexcept;

 private:
  std::shared_ptr<detail::response_store> store_;
};

}  // namespace weft::http

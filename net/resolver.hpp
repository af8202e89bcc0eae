// Names to addresses, remembered for a while, asked once for all who want the same at the same time.
//
// A lookup runs on the offload pool and outlives who waits for it. getaddrinfo() does not tell how long an
// answer holds, so all hold equally long: `ttl`. That a name does not exist is remembered too, for a shorter
// time (RFC 2308); that nobody could be asked is not.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <weft/net/address.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/pools/pool_registry.hpp>
#include <weft/pools/pool_stats.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/base/thread_mutex.hpp>

namespace weft::detail {
class name_lookup;
}

namespace weft::net {

struct resolver_options {
  /// How long an answer holds. Zero: nothing is remembered.
  std::chrono::nanoseconds ttl = std::chrono::seconds{30};
  /// How long it holds that there is no such name.
  std::chrono::nanoseconds negative_ttl = std::chrono::seconds{5};
  /// Names remembered; beyond, the one that was asked longest ago goes.
  std::size_t names_max = 1024;
  /// Who is asked instead of getaddrinfo(): the addresses of a host, with any port. May block; called from
  /// several threads at once.
  result<std::vector<address>> (*lookup)(const std::string& host) = nullptr;
};

struct resolver_stats {
  std::size_t names = 0;      // remembered, lookups under way included
  std::uint64_t hits = 0;     // answered without a lookup of their own
  std::uint64_t lookups = 0;  // begun
};

/// Safe from any fiber or thread, several at once. A lookup that has begun when it goes runs on by itself.
class resolver {
 public:
  explicit resolver(resolver_options options = {});
  resolver(const resolver&) = delete;
  resolver& operator=(const resolver&) = delete;
  ~resolver();

  /// The addresses of "example.com:80", best first (RFC 6724); of "127.0.0.1:80" that one.
  ///
  /// Blocks     the calling fiber, until the lookup has ended; on a foreign thread it runs right there,
  ///            whatever `until` says.
  /// Errors     address_error for what is no HOST:PORT; canceled, deadline_exceeded: the lookup goes on, for
  ///            whoever asks next; "weft.resolve" for what is no name (getaddrinfo's codes); limit: the
  ///            offload pool takes no more.
  [[nodiscard]] result<std::vector<address>> resolve(std::string_view host_port, deadline until = {});

  /// Connects to whichever of them answers: tcp_stream::connect() with this memory.
  ///
  /// Errors     as resolve() and tcp_stream::connect().
  [[nodiscard]] result<tcp_stream> connect(std::string_view host_port, deadline until = {});

  /// Forgets all that it has heard.
  void clear() noexcept;

  resolver_stats stats() const noexcept;

 private:
  // In the list of pools: names are what is in use, lookups what is missed.
  class listing final : detail::listed_pool {
   public:
    explicit listing(const resolver& of) noexcept : listed_pool{"resolver"}, of_{of} { enlist(); }
    listing(const listing&) = delete;
    listing& operator=(const listing&) = delete;
    ~listing() { delist(); }
    pool_stats stats() noexcept override;
    bool trim(deadline) noexcept override { return false; }

   private:
    const resolver& of_;
  };

  using lookup = std::shared_ptr<detail::name_lookup>;

  lookup find_or_start(std::string host);
  bool holds(const detail::name_lookup& l, std::int64_t now) const noexcept;
  void make_room(std::int64_t now) noexcept;

  const resolver_options options_;
  mutable detail::thread_mutex lock_;  // guards the rest
  std::unordered_map<std::string, lookup> names_;
  std::uint64_t hits_ = 0, lookups_ = 0;
  listing listed_{*this};  // not guarded; the first to go: it looks at the others
};

}  // namespace weft::net

#include <weft/http/middleware/rate_limit.hpp>

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <memory_resource>
#include <mutex>
#include <random>
#include <vector>

#include <weft/http/response.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/short_lock.hpp>
#include <weft/runtime/token_bucket.hpp>

namespace weft::http {
namespace {

constexpr std::size_t ways = 8;

struct bucket {
  std::uint64_t client = 0;  // 0: free
  std::int64_t seen = INT64_MIN;
  weft::detail::token_rule tokens;
};

struct bucket_set {
  explicit bucket_set(const weft::detail::token_rule& full)
      : buckets{bucket{.tokens = full}, bucket{.tokens = full}, bucket{.tokens = full},
                bucket{.tokens = full}, bucket{.tokens = full}, bucket{.tokens = full},
                bucket{.tokens = full}, bucket{.tokens = full}} {}

  weft::detail::short_lock lock;
  std::array<bucket, ways> buckets;
};

const in_addr& v4_of(const net::address& a) noexcept {
  return reinterpret_cast<const sockaddr_in*>(a.data())->sin_addr;
}
const in6_addr& v6_of(const net::address& a) noexcept {
  return reinterpret_cast<const sockaddr_in6*>(a.data())->sin6_addr;
}

std::string address_key(const request& q) {
  const auto remote = q.remote_address();
  if (!remote) return {};
  const net::address one = remote->unmapped();
  const void* const at = one.is_v4() ? static_cast<const void*>(&v4_of(one)) : &v6_of(one);
  return {static_cast<const char*>(at), one.is_v4() ? 4u : 8u};
}

}  // namespace

struct rate_limit::state {
  explicit state(rate_limit_options given)
      : options{std::move(given)},
        full{options.allowed, options.burst},
        sets(options.clients_max / ways + 1) {
    std::random_device random;
    for (auto& set : sets) set = std::make_unique<bucket_set>(full);
    for (char& c : secret) c = static_cast<char>(random());
  }

  // Which client it is; by a secret, so that nobody can choose to share a bucket with another.
  std::uint64_t client_of(std::string_view key) const {
    std::array<std::byte, 256> stack;
    std::pmr::monotonic_buffer_resource memory{stack.data(), stack.size()};
    std::pmr::string text{secret.data(), secret.size(), &memory};
    text += key;
    return std::max<std::uint64_t>(1, std::hash<std::string_view>{}(text));
  }

  // Nanoseconds until the client is admitted; 0: it is.
  std::int64_t admit(std::uint64_t client) {
    bucket_set& set = *sets[client % sets.size()];
    const std::lock_guard held{set.lock};
    const std::int64_t now = weft::detail::steady_ns();  // in here, so that no bucket is counted backwards
    auto found = std::ranges::find(set.buckets, client, &bucket::client);
    if (found == set.buckets.end()) {
      found = std::ranges::min_element(set.buckets, {}, &bucket::seen);
      found->client = client;
      found->tokens = full;
    }
    found->seen = now;
    return std::max<std::int64_t>(0, found->tokens.take(now, 1) - now);
  }

  rate_limit_options options;
  weft::detail::token_rule full;
  std::vector<std::unique_ptr<bucket_set>> sets;
  std::array<char, 16> secret{};
};

rate_limit::rate_limit(rate_limit_options options) : state_{std::make_unique<state>(std::move(options))} {}
rate_limit::rate_limit(rate_limit&&) noexcept = default;
rate_limit::~rate_limit() = default;

result<void> rate_limit::operator()(request& q, response& s, next n) const {
  const auto& key = state_->options.key;
  const std::int64_t wait = state_->admit(state_->client_of(key ? key(q) : address_key(q)));
  if (wait == 0) return n();
  s.header("Retry-After", std::to_string((wait + 999'999'999) / 1'000'000'000));
  return std::unexpected(status::too_many_requests);
}

}  // namespace weft::http

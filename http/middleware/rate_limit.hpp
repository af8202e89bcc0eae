// Middleware that admits each client at a rate, with a token_bucket's rule: 429 with Retry-After beyond it.
//
// The buckets lie in a table of fixed size, in sets of eight with a lock each: finding one takes constant
// time and no memory, whoever asks. A client that has no bucket takes that of the one in its set that was
// seen the longest ago, so a flood of addresses makes the limit forget, and never makes it slow or large.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <weft/http/middleware.hpp>
#include <weft/http/request.hpp>
#include <weft/runtime/rate_limiter.hpp>

namespace weft::http {

struct rate_limit_options {
  /// So many requests in that time, in the long run, and `burst` at once.
  rate allowed{.count = 10, .per = std::chrono::seconds{1}};
  std::size_t burst = 20;
  /// How many clients are told apart at a time; 48 bytes each.
  std::size_t clients_max = 16'384;
  /// What tells a client: by default its address, and of an IPv6 address the network, its first 64 bits.
  /// Behind a proxy without server_options::proxy_protocol, a field that the proxy sets. Called by all
  /// workers.
  std::move_only_function<std::string(const request&) const> key{};
};

class rate_limit {
 public:
  explicit rate_limit(rate_limit_options options = {});
  rate_limit(rate_limit&&) noexcept;
  ~rate_limit();

  result<void> operator()(request& q, response& s, next n) const;

 private:
  struct state;

  std::unique_ptr<state> state_;
};

}  // namespace weft::http

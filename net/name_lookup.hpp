// One lookup of a name on a thread of the offload pool, for all who wait for it.
//
// It cannot be stopped (getaddrinfo() knows no way), so it belongs to nobody: who no longer wants it goes,
// and the last to let go frees it, be that the pool's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <weft/net/address.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/offload_pool.hpp>

namespace weft::detail {

/// The addresses of a host, with port 0; may block.
using lookup_function = result<std::vector<net::address>> (*)(const std::string& host);

/// By getaddrinfo(): /etc/hosts, DNS, whatever the machine is set up for. Best first (RFC 6724).
///
/// Errors     resolve_category().
result<std::vector<net::address>> lookup_by_system(const std::string& host);

class name_lookup : offload_job {
 public:
  name_lookup(std::string host, lookup_function how) : host_{std::move(host)}, how_{how} {}

  /// Begins `of`, once. On a foreign thread it has ended when this returns.
  static void start(const std::shared_ptr<name_lookup>& of);

  /// Blocks     the calling fiber or thread, until it has ended.
  /// Errors     canceled, deadline_exceeded: it goes on.
  [[nodiscard]] result<void> wait(deadline until) { return done_.wait(until); }

  bool ended() const noexcept { return done_.is_set(); }

  // Once it has ended:

  /// Errors     those of the function; limit: the offload pool took no more.
  const result<std::vector<net::address>>& found() const noexcept { return found_; }
  /// When, by steady_ns().
  std::int64_t ended_at() const noexcept { return ended_at_; }

 private:
  static void run_on_thread(offload_job& self) noexcept;
  void end(result<std::vector<net::address>> with) noexcept;

  const std::string host_;
  const lookup_function how_;
  std::shared_ptr<name_lookup> self_;  // while the pool has it
  result<std::vector<net::address>> found_;
  std::int64_t ended_at_ = 0;
  event done_;
};

}  // namespace weft::detail

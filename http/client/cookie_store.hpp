// The cookies that servers have set, and which of them a request carries. Pure: the time comes from outside.
//
// By the host they are for: a request looks at its own host and each domain above it. A cookie for a domain
// is one of that entry, marked for the hosts below it too. Source: RFC 6265, section 5, with its successor's
// bounds (RFC 6265bis, section 5.6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <weft/http/client/url.hpp>

namespace weft::http::detail {

class cookie_store {
 public:
  /// Bytes of a cookie's name and value; longer ones are ignored.
  static constexpr std::size_t cookie_max = 4096;

  /// How many are kept for a domain, and in all. Beyond that the one goes that was sent the longest ago.
  cookie_store(std::size_t per_domain_max, std::size_t max) noexcept
      : per_domain_max_{per_domain_max}, max_{max} {}

  /// Takes what a Set-Cookie field in a response from `from` says, or ignores it.
  void set(const url& from, std::string_view field, std::int64_t now);

  /// The value of the field Cookie for a request to `to`; empty: none.
  std::string field_for(const url& to, std::int64_t now);

  std::size_t size() const noexcept { return size_; }
  void clear() noexcept;

 private:
  struct entry {
    std::string name, value, path;
    std::int64_t expires;  // seconds since 1970
    std::uint64_t made;    // the order of creation
    std::uint64_t used;    // of the latest use
    bool below;            // for the hosts below the domain as well
  };
  using entries = std::vector<entry>;

  void erase(entries& of, std::size_t at) noexcept;
  void forget_expired(std::int64_t now) noexcept;
  void forget_oldest() noexcept;

  std::unordered_map<std::string, entries> domains_;
  std::size_t per_domain_max_, max_;
  std::size_t size_ = 0;
  std::uint64_t count_ = 0;  // of what has been made and used
};

}  // namespace weft::http::detail

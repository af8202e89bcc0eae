// The cookies of an HTTP client: what servers set goes into the jar, and comes back to them from it.
//
//     auto jar = std::make_shared<http::cookie_jar>();
//     http::client client{{.cookies = jar}};
//
// For the memory of the process only: nothing is written to a disk. A cookie for a whole domain is taken from
// any host below it, if the domain has a dot: which domains belong to nobody (co.uk) only the public suffix
// list knows, which weft does not carry, so ask only servers that you trust with the same jar. Secure cookies
// are ignored while the client has no TLS. Source: RFC 6265.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <weft/http/client/cookie_store.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/mutex.hpp>

namespace weft::http {

struct cookie_jar_options {
  /// How many are kept for one domain, and in all; beyond that, the one goes that was sent the longest ago.
  /// Each takes at most 4096 bytes, and a path of 1024.
  std::size_t per_domain_max = 180;
  std::size_t max = 3000;
};

class cookie_jar {
 public:
  explicit cookie_jar(cookie_jar_options options = {}) noexcept
      : cookies_{options.per_domain_max, options.max} {}
  cookie_jar(const cookie_jar&) = delete;
  cookie_jar& operator=(const cookie_jar&) = delete;

  /// Takes what the value of a Set-Cookie field in a response from `url` says; what must not be taken from
  /// there is ignored, as a browser does.
  ///
  /// Errors     call_error: bad_url, unsupported_scheme.
  /// Safe from  any fiber or thread, as the others.
  result<void> set(std::string_view url, std::string_view field);
  void set(const detail::url& from, std::string_view field);

  /// The value of the field Cookie for a request to `url`; empty: none.
  ///
  /// Errors     as set().
  result<std::string> field_for(std::string_view url);
  std::string field_for(const detail::url& to);

  std::size_t size() const;
  void clear();

 private:
  mutable mutex lock_;
  detail::cookie_store cookies_;
};

}  // namespace weft::http

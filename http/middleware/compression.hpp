// Middleware that compresses responses for clients that accept it: zstd, brotli and gzip, as far as weft was
// built with their libraries. Source: RFC 9110, sections 8.4 and 12.5.3.
//
// What an attacker can guess from sizes (BREACH, 2013): where a response holds a secret of the user beside
// text that the attacker chooses, its compressed length tells the secret, letter by letter, in spite of TLS.
// So, unless `with_credentials` says that a group's responses hold no such secrets, a response is compressed
// only if nothing in it can be the user's own: neither Cookie nor Authorization came with the request and no
// Set-Cookie goes with the response; or the handler says `Cache-Control: public`, that it is the same for
// all. Users who are known by something else, their address or a certificate, are not told apart by that.
//
// Left as they are: bodies below `size_min`, of types that are compressed already or are not known, with a
// Content-Encoding or Content-Range, under `Cache-Control: no-transform`; where content_length() was told;
// streams and precompiled responses;
// and what would not get smaller. All that might have been compressed says `Vary: Accept-Encoding`; a strong
// ETag becomes a weak one where the body was.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <weft/http/middleware.hpp>

namespace weft::http {

struct compression_options {
  /// Bytes of a body below which it is not worth it. A guess: what one packet takes anyway.
  std::size_t size_min = 1024;
  /// Bytes of a body from which on it is compressed on the pool for what blocks (weft::blocking), and not on
  /// the worker. A guess: some milliseconds of gzip.
  std::size_t blocking_from = 128 << 10;
  /// Compresses whoever asks: for responses that hold no secrets, or reflect nothing of the request.
  bool with_credentials = false;
  /// Types besides text/*, application/json, application/javascript, application/xml, image/svg+xml and
  /// what ends with +json or +xml.
  std::vector<std::string> types{};
};

/// Cost: computes, on the worker's own stack, about 10 to 20 ns per byte for gzip.
class compression {
 public:
  /// Of a build with none of the libraries, an assertion: see codings().
  explicit compression(compression_options options = {});

  result<void> operator()(request& q, response& s, next n) const;

  /// What this build can write, the best first: "zstd", "br", "gzip".
  static std::vector<std::string_view> codings();

 private:
  bool is_eligible(const request& q, const response& s) const;
  bool is_compressible(std::string_view type) const;

  compression_options options_;
};

}  // namespace weft::http

// The parsed head of a request: what was said, and what follows for the framing.
#pragma once

#include <cstdint>
#include <string_view>

#include <weft/http/message/message_head.hpp>
#include <weft/http/message/method.hpp>

namespace weft::http::detail {

enum class target_form : std::uint8_t { origin, absolute, authority, asterisk };

struct request_head : message_head {
  std::string_view method_text() const noexcept { return text(method_token); }
  std::string_view target_text() const noexcept { return text(target); }
  /// The target's path, still percent-encoded. Empty for the asterisk and authority forms.
  std::string_view raw_path() const noexcept {
    return path.length == 0 && form == target_form::absolute ? std::string_view{"/"} : text(path);
  }
  /// What follows the `?`, still percent-encoded.
  std::string_view raw_query() const noexcept { return text(query); }
  /// The authority of the target if it has one, else Host. Empty for an HTTP/1.0 request without Host.
  std::string_view authority_text() const noexcept { return text(authority); }

  /// Forgets everything, for the next head.
  void clear() noexcept;

  bool has_body() const noexcept { return chunked || content_length != 0; }

  slice method_token{};
  slice target{};
  slice path{};
  slice query{};
  slice authority{};
  http::method method = http::method::other;
  target_form form = target_form::origin;
  bool has_query : 1 = false;
  bool has_host : 1 = false;
  bool expects_continue : 1 = false;  // Expect: 100-continue, on 1.1
};

}  // namespace weft::http::detail

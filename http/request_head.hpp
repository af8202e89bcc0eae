// The parsed head of a request: what was said, as offsets into the bytes it was said in, and what follows for
// the framing.
//
// Offsets, not pointers, because the bytes may move while the head still drips in; rebase() says where they
// ended up. Offsets are 16 bits wide, so a head is at most 65535 bytes long and a field costs 10 bytes here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <weft/http/method.hpp>

namespace weft::http::detail {

/// The fields that the parser itself must understand. All others are `other`.
enum class known_field : std::uint8_t { other, connection, content_length, expect, host, transfer_encoding };

/// Part of the head's bytes.
struct slice {
  std::uint16_t at = 0;
  std::uint16_t length = 0;
};

struct head_field {
  slice name;
  slice value;
  known_field known;
};

enum class target_form : std::uint8_t { origin, absolute, authority, asterisk };

struct request_head {
  static constexpr std::size_t fields_capacity = 100;

  std::string_view text(slice s) const noexcept { return {base + s.at, s.length}; }

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

  /// The value of the first field of that name, which is compared without regard to case.
  std::optional<std::string_view> find(std::string_view name) const noexcept;

  /// Says where the head's first byte lies now.
  void rebase(const char* head_begin) noexcept { base = head_begin; }

  /// Forgets everything, for the next head. Does not touch the array of fields.
  void clear() noexcept;

  bool has_body() const noexcept { return chunked || content_length != 0; }

  const char* base = nullptr;
  std::uint64_t content_length = 0;
  slice method_token{};
  slice target{};
  slice path{};
  slice query{};
  slice authority{};
  std::uint16_t length = 0;  // bytes of the head, its empty line and leading CRLFs included
  std::uint8_t field_count = 0;
  std::uint8_t minor_version = 0;  // of HTTP/1; what is higher than 1 counts as 1
  http::method method = http::method::other;
  target_form form = target_form::origin;
  bool has_content_length : 1 = false;
  bool has_query : 1 = false;
  bool has_host : 1 = false;
  bool chunked : 1 = false;
  bool says_close : 1 = false;        // Connection: close
  bool says_keep_alive : 1 = false;   // Connection: keep-alive
  bool expects_continue : 1 = false;  // Expect: 100-continue, on 1.1
  std::array<head_field, fields_capacity>
      fields;  // the first field_count of them; not initialised: 1 KiB per request
};

}  // namespace weft::http::detail

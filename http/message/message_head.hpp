// What the parsed heads of requests and responses have in common: their fields, as offsets into the bytes
// they were said in, and what follows from these for the framing.
//
// Offsets, not pointers, because the bytes may move while the head still drips in; rebase() says where they
// ended up. Offsets are 16 bits wide, so a head is at most 65535 bytes long and a field costs 10 bytes here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weft::http::detail {

/// The fields that a parser itself must understand. All others are `other`.
enum class known_field : std::uint8_t { other, connection, content_length, expect, host, transfer_encoding };

/// Part of the head's bytes.
struct slice {
  std::uint16_t at = 0;
  std::uint16_t length = 0;
};

constexpr slice slice_of(std::size_t first, std::size_t last) noexcept {
  return {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last - first)};
}

struct head_field {
  slice name;
  slice value;
  known_field known;
};

struct message_head {
  static constexpr std::size_t fields_capacity = 100;

  std::string_view text(slice s) const noexcept { return {base + s.at, s.length}; }

  /// The value of the first field of that name, which is compared without regard to case.
  std::optional<std::string_view> find(std::string_view name) const noexcept;

  /// Says where the head's first byte lies now.
  void rebase(const char* head_begin) noexcept { base = head_begin; }

  const char* base = nullptr;
  std::uint64_t content_length = 0;
  std::uint16_t length = 0;  // bytes of the head, its empty line and what stood before it included
  std::uint8_t field_count = 0;
  std::uint8_t minor_version = 0;  // of HTTP/1; what is higher than 1 counts as 1
  bool has_content_length : 1 = false;
  bool chunked : 1 = false;
  bool says_close : 1 = false;       // Connection: close
  bool says_keep_alive : 1 = false;  // Connection: keep-alive
  std::array<head_field, fields_capacity>
      fields;  // the first field_count of them; not initialised: 1 KiB per message

 protected:
  /// Forgets everything, for the next head. Does not touch the array of fields.
  void clear_fields() noexcept;
};

}  // namespace weft::http::detail

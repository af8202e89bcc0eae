// Writes a JSON document from its beginning to its end, at the end of a string.
//
//     json_writer out{text};
//     out.begin_object().key("name").value("weft").key("workers").value(4).end_object();
//
// It puts the commas and escapes the strings; that objects and arrays are closed, and that a value follows
// each key, is up to the caller. What is no UTF-8 in a string becomes U+FFFD, so that the document is always
// valid. Source: RFC 8259; for the replacement, Unicode 15, section 3.9, table 3-8 (maximal subparts).
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace weft::detail {

/// Appends `text` as a JSON string, quotes included.
void append_json_string(std::string& to, std::string_view text);

class json_writer {
 public:
  /// Appends to `to`, which outlives it.
  explicit json_writer(std::string& to) noexcept : to_{to} {}

  json_writer& begin_object() { return open('{'); }
  json_writer& end_object() { return close('}'); }
  json_writer& begin_array() { return open('['); }
  json_writer& end_array() { return close(']'); }

  json_writer& key(std::string_view name);
  json_writer& value(std::string_view text);
  json_writer& value(const char* text) { return value(std::string_view{text}); }
  json_writer& value(bool yes) { return literal(yes ? "true" : "false"); }
  /// What has no number in JSON, the infinite and NaN, becomes null.
  json_writer& value(double number);
  template <std::integral T>
  json_writer& value(T number) {
    if constexpr (std::signed_integral<T>) return integer(static_cast<std::int64_t>(number));
    else return natural(static_cast<std::uint64_t>(number));
  }

  /// A value that is JSON already, a number for instance.
  json_writer& literal(std::string_view text);

 private:
  json_writer& open(char bracket);
  json_writer& close(char bracket);
  json_writer& integer(std::int64_t number);
  json_writer& natural(std::uint64_t number);
  void separate();

  std::string& to_;
  bool follows_ = false;  // what comes next stands behind a comma
};

}  // namespace weft::detail

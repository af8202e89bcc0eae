#include <weft/runtime/base/json_writer.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>

namespace weft::detail {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

struct sequence {
  std::size_t length;
  bool valid;
};

// Beyond the first byte, where what may follow depends on it: overlong forms, surrogates, beyond U+10FFFF.
bool continues(unsigned char first, unsigned char second) noexcept {
  switch (first) {
    case 0xe0: return second >= 0xa0 && second <= 0xbf;
    case 0xed: return second >= 0x80 && second <= 0x9f;
    case 0xf0: return second >= 0x90 && second <= 0xbf;
    case 0xf4: return second >= 0x80 && second <= 0x8f;
    default: return second >= 0x80 && second <= 0xbf;
  }
}

// The code point that `text`, which is not empty, begins with, or so much of one as there is.
sequence first_of(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {1, true};
  if (first < 0xc2 || first > 0xf4) return {1, false};
  const std::size_t wanted = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  std::size_t there = 1;
  if (there < text.size() && continues(first, byte(1))) ++there;
  while (there > 1 && there < std::min(wanted, text.size()) && (byte(there) & 0xc0) == 0x80) ++there;
  return {there, there == wanted};
}

void append_ascii(std::string& to, char c) {
  constexpr char digits[] = "0123456789abcdef";
  switch (c) {
    case '"': to += "\\\""; return;
    case '\\': to += "\\\\"; return;
    case '\n': to += "\\n"; return;
    case '\r': to += "\\r"; return;
    case '\t': to += "\\t"; return;
    default: break;
  }
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x20 && byte != 0x7f) to += c;
  else (to += "\\u00").append({digits[byte >> 4], digits[byte & 15]});
}

template <class T>
void append_number(std::string& to, T number) {
  char text[32];
  to.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

}  // namespace

void append_json_string(std::string& to, std::string_view text) {
  to += '"';
  while (!text.empty()) {
    const sequence next = first_of(text);
    if (!next.valid) to += replacement;
    else if (next.length == 1) append_ascii(to, text.front());
    else to += text.substr(0, next.length);
    text.remove_prefix(next.length);
  }
  to += '"';
}

void json_writer::separate() {
  if (follows_) to_ += ',';
  follows_ = true;
}

json_writer& json_writer::open(char bracket) {
  separate();
  to_ += bracket;
  follows_ = false;
  return *this;
}

json_writer& json_writer::close(char bracket) {
  to_ += bracket;
  follows_ = true;
  return *this;
}

json_writer& json_writer::key(std::string_view name) {
  value(name);
  to_ += ':';
  follows_ = false;
  return *this;
}

json_writer& json_writer::value(std::string_view text) {
  separate();
  append_json_string(to_, text);
  return *this;
}

json_writer& json_writer::value(double number) {
  if (!std::isfinite(number)) return literal("null");
  separate();
  append_number(to_, number);
  return *this;
}

json_writer& json_writer::literal(std::string_view text) {
  separate();
  to_ += text;
  return *this;
}

json_writer& json_writer::integer(std::int64_t number) {
  separate();
  append_number(to_, number);
  return *this;
}

json_writer& json_writer::natural(std::uint64_t number) {
  separate();
  append_number(to_, number);
  return *this;
}

}  // namespace weft::detail

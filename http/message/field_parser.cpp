#include <weft/http/message/field_parser.hpp>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/field_text.hpp>
#include <weft/http/message/scan.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::http::detail {
namespace {

// The length decides between all the names that the parser understands.
known_field identify(std::string_view name) noexcept {
  switch (name.size()) {
    case 4: return is_word(name, "host") ? known_field::host : known_field::other;
    case 6: return is_word(name, "expect") ? known_field::expect : known_field::other;
    case 10: return is_word(name, "connection") ? known_field::connection : known_field::other;
    case 14: return resembles(name, "content-length") ? known_field::content_length : known_field::other;
    case 17:
      return resembles(name, "transfer-encoding") ? known_field::transfer_encoding : known_field::other;
    default: return known_field::other;
  }
}

// 1*DIGIT, at most 19 of them, which fit into 64 bits. Leading zeroes are decimal zeroes.
bool parse_length(std::string_view text, std::uint64_t& length) noexcept {
  if (text.empty() || text.size() > 19) return false;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  length = value;
  return true;
}

// What a Transfer-Encoding line asks for: ok for `chunked` alone, not_implemented for other codings that end
// in one `chunked`, bad_request for all else, because then nobody can tell where the body ends.
status transfer_coding(std::string_view list) noexcept {
  if (equals_ignoring_case(list, "chunked")) return status::ok;
  bool well_formed = true;
  bool last_is_chunked = false;
  unsigned chunked_count = 0;
  for_each_element(list, [&](std::string_view coding) {
    const std::string_view name = trimmed(coding.substr(0, coding.find(';')));
    if (!is_field_name(name)) well_formed = false;
    last_is_chunked = equals_ignoring_case(coding, "chunked");
    if (equals_ignoring_case(name, "chunked")) ++chunked_count;
  });
  return well_formed && last_is_chunked && chunked_count == 1 ? status::not_implemented : status::bad_request;
}

bool is_space(char c) noexcept { return c == ' ' || c == '\t'; }

bool is_derived_parsers(known_field known) noexcept {
  return known == known_field::host || known == known_field::expect;
}

}  // namespace

field_parser::field_parser(std::size_t fields_max) noexcept : fields_max_{fields_max} {
  WEFT_ASSERT(fields_max <= message_head::fields_capacity);
}

field_parser::step field_parser::parse_version(std::string_view bytes, std::string_view after) noexcept {
  constexpr std::string_view pattern = "HTTP/0.0";  // 0: any digit
  static_assert(pattern.size() == version_length);
  const std::size_t end = mark_ + version_length + after.size();
  for (; position_ != end; ++position_) {
    if (position_ == bytes.size()) return step::incomplete;
    const std::size_t index = position_ - mark_;
    const char wanted = index < version_length ? pattern[index] : after[index - version_length];
    const char c = bytes[position_];
    if (wanted == '0' ? !is_digit(c) : c != wanted) return fail(status::bad_request);
  }
  return step::next;
}

// One line after the other, and mostly whole ones: `at` and `mark` are position_ and mark_ meanwhile.
field_parser::step field_parser::parse_fields(std::string_view bytes, message_head& head) noexcept {
  const char* const begin = bytes.data();
  const char* const end = begin + bytes.size();
  const char* at = begin + position_;
  const char* mark = begin + mark_;
  const auto slice_from_mark = [&](const char* to) {
    return slice_of(static_cast<std::size_t>(mark - begin), static_cast<std::size_t>(to - begin));
  };
  const auto leave = [&](stage where, step why) {
    position_ = static_cast<std::size_t>(at - begin);
    mark_ = static_cast<std::size_t>(mark - begin);
    stage_ = where;
    return why;
  };
  for (;;) {
    switch (stage_) {
      case stage::name:
        at = scan_token(at, end);
        if (at == end) return leave(stage::name, step::incomplete);
        if (at == mark) {
          // Not a space either: a folded line, or one before the first field.
          if (*at != '\r') return fail(status::bad_request);
          ++at;
          (void)leave(stage::head_end, step::next);
          return end_of_head(bytes, head);
        }
        if (*at != ':') return fail(status::bad_request);
        if (head.field_count == fields_max_) return fail(status::request_header_fields_too_large);
        name_ = slice_from_mark(at);
        mark = ++at;
        [[fallthrough]];
      case stage::value_space:
        while (at != end && is_space(*at)) ++at;
        if (at == end) return leave(stage::value_space, step::incomplete);
        mark = at;
        [[fallthrough]];
      case stage::value:
        at = scan_value(at, end);
        if (at == end) return leave(stage::value, step::incomplete);
        if (*at != '\r') return fail(status::bad_request);  // also a bare LF
        ++at;
        [[fallthrough]];
      case stage::value_end: {
        if (at == end) return leave(stage::value_end, step::incomplete);
        if (*at != '\n') return fail(status::bad_request);
        const char* last = at - 1;
        while (last != mark && is_space(last[-1])) --last;
        head_field& field = head.fields[head.field_count++];
        field = {name_, slice_from_mark(last), identify(head.text(name_))};
        mark = ++at;
        if (field.known != known_field::other) [[unlikely]] {
          if (!understand(field, head)) return step::failed;
          if (is_derived_parsers(field.known)) return leave(stage::name, step::next);
        }
        stage_ = stage::name;
        continue;
      }
      case stage::head_end: return end_of_head(bytes, head);
    }
  }
}

// Takes in a field that decides about framing or the connection. False: it is wrong, and error_ says how.
bool field_parser::understand(head_field field, message_head& head) noexcept {
  const std::string_view value = head.text(field.value);
  error_ = status::bad_request;
  switch (field.known) {
    case known_field::content_length:
      // Twice is refused even when both are equal: whoever sends that is not to be trusted with framing.
      if (head.has_content_length || head.text(field.name)[7] == '_') return false;
      head.has_content_length = true;
      return parse_length(value, head.content_length);
    case known_field::transfer_encoding:
      if (head.chunked || head.text(field.name)[8] == '_') return false;
      head.chunked = true;
      error_ = transfer_coding(value);
      return error_ == status::ok;
    case known_field::connection:
      for_each_element(value, [&](std::string_view option) {
        if (is_word(option, "close")) head.says_close = true;
        else if (is_word(option, "keep-alive")) head.says_keep_alive = true;
      });
      return true;
    case known_field::host:
    case known_field::expect:
    case known_field::other: break;
  }
  return true;
}

// Checks what only the whole head shows.
field_parser::step field_parser::end_of_head(std::string_view bytes, message_head& head) noexcept {
  if (position_ == bytes.size()) return step::incomplete;
  if (bytes[position_] != '\n') return fail(status::bad_request);
  ++position_;
  head.length = static_cast<std::uint16_t>(position_);
  if (head.chunked && (head.has_content_length || head.minor_version == 0)) return fail(status::bad_request);
  return step::complete;
}

}  // namespace weft::http::detail

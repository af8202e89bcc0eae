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
    case 4: return equals_ignoring_case(name, "host") ? known_field::host : known_field::other;
    case 6: return equals_ignoring_case(name, "expect") ? known_field::expect : known_field::other;
    case 10: return equals_ignoring_case(name, "connection") ? known_field::connection : known_field::other;
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

bool is_derived_parsers(known_field known) noexcept {
  return known == known_field::host || known == known_field::expect;
}

}  // namespace

field_parser::field_parser(std::size_t fields_max) noexcept : fields_max_{fields_max} {
  WEFT_ASSERT(fields_max <= message_head::fields_capacity);
}

field_parser::step field_parser::parse_version(std::string_view bytes, std::string_view after) noexcept {
  constexpr std::string_view prefix = "HTTP/";
  const std::size_t length = version_length + after.size();
  for (; position_ < bytes.size() && position_ - mark_ < length; ++position_) {
    const std::size_t index = position_ - mark_;
    const char c = bytes[position_];
    const bool fits = index < prefix.size()     ? c == prefix[index]
                      : index == 6              ? c == '.'
                      : index >= version_length ? c == after[index - version_length]
                                                : is_digit(c);
    if (!fits) return fail(status::bad_request);
  }
  return position_ - mark_ < length ? step::incomplete : step::next;
}

field_parser::step field_parser::parse_fields(std::string_view bytes, message_head& head) noexcept {
  for (;;) {
    const bool ends_field = stage_ == stage::value_end;
    const step outcome = advance(bytes, head);
    if (outcome != step::next) return outcome;
    if (ends_field && is_derived_parsers(head.fields[head.field_count - 1U].known)) return step::next;
  }
}

field_parser::step field_parser::advance(std::string_view bytes, message_head& head) noexcept {
  switch (stage_) {
    case stage::name: return parse_name(bytes, head);
    case stage::value_space: return parse_value_space(bytes);
    case stage::value: return parse_value(bytes);
    case stage::value_end: return end_of_value(bytes, head);
    case stage::head_end: return end_of_head(bytes, head);
  }
  return step::failed;
}

// Each parse_x reads its element from mark_, has examined it up to position_, and sets the next stage when it
// has ended.

field_parser::step field_parser::parse_name(std::string_view bytes, message_head& head) noexcept {
  const char* const end = bytes.data() + bytes.size();
  position_ = static_cast<std::size_t>(scan_token(bytes.data() + position_, end) - bytes.data());
  if (position_ == bytes.size()) return step::incomplete;
  if (position_ == mark_) {
    if (bytes[position_] != '\r')
      return fail(status::bad_request);  // also a space: a folded line, or one before the first field
    ++position_;
    stage_ = stage::head_end;
    return step::next;
  }
  if (bytes[position_] != ':') return fail(status::bad_request);
  if (head.field_count == fields_max_) return fail(status::request_header_fields_too_large);
  name_ = slice_of(mark_, position_);
  mark_ = ++position_;
  stage_ = stage::value_space;
  return step::next;
}

field_parser::step field_parser::parse_value_space(std::string_view bytes) noexcept {
  while (position_ < bytes.size() && (bytes[position_] == ' ' || bytes[position_] == '\t')) ++position_;
  if (position_ == bytes.size()) return step::incomplete;
  mark_ = position_;
  stage_ = stage::value;
  return step::next;
}

field_parser::step field_parser::parse_value(std::string_view bytes) noexcept {
  const char* const end = bytes.data() + bytes.size();
  position_ = static_cast<std::size_t>(scan_value(bytes.data() + position_, end) - bytes.data());
  if (position_ == bytes.size()) return step::incomplete;
  if (bytes[position_] != '\r') return fail(status::bad_request);  // also a bare LF
  ++position_;
  stage_ = stage::value_end;
  return step::next;
}

field_parser::step field_parser::end_of_value(std::string_view bytes, message_head& head) noexcept {
  if (position_ == bytes.size()) return step::incomplete;
  if (bytes[position_] != '\n') return fail(status::bad_request);
  std::size_t last = position_ - 1;
  while (last > mark_ && (bytes[last - 1] == ' ' || bytes[last - 1] == '\t')) --last;
  const head_field field{name_, slice_of(mark_, last), identify(head.text(name_))};
  if (field.known != known_field::other && !understand(field, head)) return step::failed;
  head.fields[head.field_count++] = field;
  mark_ = ++position_;
  stage_ = stage::name;
  return step::next;
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
        if (equals_ignoring_case(option, "close")) head.says_close = true;
        if (equals_ignoring_case(option, "keep-alive")) head.says_keep_alive = true;
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

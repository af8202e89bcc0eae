#include <weft/http/request_parser.hpp>

#include <cstring>

#include <weft/http/ascii.hpp>
#include <weft/http/scan.hpp>
#include <weft/http/target.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::http::detail {
namespace {

constexpr std::size_t version_length = sizeof "HTTP/1.1\r\n" - 1;

slice slice_of(std::size_t first, std::size_t last) noexcept {
  return {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last - first)};
}

// As equals_ignoring_case, and an underscore matches a hyphen: some servers behind us fold the two (CGI).
bool resembles(std::string_view name, std::string_view lower) noexcept {
  if (name.size() != lower.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i)
    if ((name[i] == '_' ? '-' : to_lower(name[i])) != lower[i]) return false;
  return true;
}

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
    if (name.empty() || scan_token(name.data(), name.data() + name.size()) != name.data() + name.size())
      well_formed = false;
    last_is_chunked = equals_ignoring_case(coding, "chunked");
    if (equals_ignoring_case(name, "chunked")) ++chunked_count;
  });
  return well_formed && last_is_chunked && chunked_count == 1 ? status::not_implemented : status::bad_request;
}

}  // namespace

request_parser::request_parser(head_limits limits) noexcept : limits_{limits} {
  WEFT_ASSERT(limits.head <= UINT16_MAX);
  WEFT_ASSERT(limits.target < limits.head);
  WEFT_ASSERT(limits.fields <= request_head::fields_capacity);
}

void request_parser::reset() noexcept {
  position_ = mark_ = 0;
  stage_ = stage::leading;
  host_ = {};
}

parse_outcome request_parser::parse(std::string_view bytes, request_head& head) noexcept {
  const std::string_view allowed =
      bytes.substr(0, limits_.head);  // so that an over-long head fails the same at every split
  if (position_ == 0 && stage_ == stage::leading) head.clear();
  head.rebase(allowed.data());
  auto outcome = step::next;
  while (outcome == step::next) outcome = advance(allowed, head);
  if (outcome == step::incomplete && allowed.size() == limits_.head)
    outcome = fail(status::request_header_fields_too_large);
  return outcome == step::complete     ? parse_outcome::complete
         : outcome == step::incomplete ? parse_outcome::incomplete
                                       : parse_outcome::failed;
}

request_parser::step request_parser::advance(std::string_view bytes, request_head& head) noexcept {
  switch (stage_) {
    case stage::leading: return parse_leading(bytes);
    case stage::method: return parse_method(bytes, head);
    case stage::target: return parse_target(bytes, head);
    case stage::version: return parse_version(bytes, head);
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

// A robust client may send an empty line too many after a body; more than two are no accident.
request_parser::step request_parser::parse_leading(std::string_view bytes) noexcept {
  for (; position_ < bytes.size(); ++position_) {
    const char c = bytes[position_];
    if (position_ % 2 == 1) {
      if (c != '\n') return fail(status::bad_request);
    } else if (c != '\r') {
      mark_ = position_;
      stage_ = stage::method;
      return step::next;
    } else if (position_ == 4) {
      return fail(status::bad_request);
    }
  }
  return step::incomplete;
}

request_parser::step request_parser::parse_method(std::string_view bytes, request_head& head) noexcept {
  const char* const end = bytes.data() + bytes.size();
  position_ = static_cast<std::size_t>(scan_token(bytes.data() + position_, end) - bytes.data());
  if (position_ - mark_ > limits_.method) return fail(status::not_implemented);
  if (position_ == bytes.size()) return step::incomplete;
  if (position_ == mark_ || bytes[position_] != ' ') return fail(status::bad_request);
  head.method_token = slice_of(mark_, position_);
  head.method = method_of(head.method_text());
  mark_ = ++position_;
  stage_ = stage::target;
  return step::next;
}

request_parser::step request_parser::parse_target(std::string_view bytes, request_head& head) noexcept {
  const std::string_view allowed = bytes.substr(0, mark_ + limits_.target + 1);
  position_ = static_cast<std::size_t>(
      scan_target(allowed.data() + position_, allowed.data() + allowed.size()) - allowed.data());
  if (position_ - mark_ > limits_.target) return fail(status::uri_too_long);
  if (position_ == bytes.size()) return step::incomplete;
  if (position_ == mark_ || bytes[position_] != ' ') return fail(status::bad_request);
  head.target = slice_of(mark_, position_);
  mark_ = ++position_;
  stage_ = stage::version;
  return step::next;
}

request_parser::step request_parser::parse_version(std::string_view bytes, request_head& head) noexcept {
  constexpr std::string_view prefix = "HTTP/";
  for (; position_ < bytes.size() && position_ - mark_ < version_length; ++position_) {
    const std::size_t index = position_ - mark_;
    const char c = bytes[position_];
    const bool fits = index < prefix.size() ? c == prefix[index]
                      : index == 6          ? c == '.'
                      : index == 8          ? c == '\r'
                      : index == 9          ? c == '\n'
                                            : is_digit(c);
    if (!fits) return fail(status::bad_request);
  }
  if (position_ - mark_ < version_length) return step::incomplete;
  const char major = bytes[mark_ + 5];
  if (major == '0') return fail(status::bad_request);
  // The preface of an HTTP/2 connection is no request of any version.
  if (major > '1')
    return fail(head.method_text() == "PRI" ? status::bad_request : status::http_version_not_supported);
  head.minor_version = bytes[mark_ + 7] == '0' ? 0 : 1;
  mark_ = position_;
  stage_ = stage::name;
  return step::next;
}

request_parser::step request_parser::parse_name(std::string_view bytes, request_head& head) noexcept {
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
  if (head.field_count == limits_.fields) return fail(status::request_header_fields_too_large);
  name_ = slice_of(mark_, position_);
  mark_ = ++position_;
  stage_ = stage::value_space;
  return step::next;
}

request_parser::step request_parser::parse_value_space(std::string_view bytes) noexcept {
  while (position_ < bytes.size() && (bytes[position_] == ' ' || bytes[position_] == '\t')) ++position_;
  if (position_ == bytes.size()) return step::incomplete;
  mark_ = position_;
  stage_ = stage::value;
  return step::next;
}

request_parser::step request_parser::parse_value(std::string_view bytes) noexcept {
  const char* const end = bytes.data() + bytes.size();
  position_ = static_cast<std::size_t>(scan_value(bytes.data() + position_, end) - bytes.data());
  if (position_ == bytes.size()) return step::incomplete;
  if (bytes[position_] != '\r') return fail(status::bad_request);  // also a bare LF
  ++position_;
  stage_ = stage::value_end;
  return step::next;
}

request_parser::step request_parser::end_of_value(std::string_view bytes, request_head& head) noexcept {
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

// Takes in a field that decides about framing, routing or the connection. False: it is wrong, and error_ says
// how.
bool request_parser::understand(head_field field, request_head& head) noexcept {
  const std::string_view value = head.text(field.value);
  error_ = status::bad_request;
  switch (field.known) {
    case known_field::host:
      if (head.has_host || !is_authority(value)) return false;
      head.has_host = true;
      host_ = field.value;
      return true;
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
    case known_field::expect:
      if (head.minor_version == 0) return true;  // a 1.0 client cannot expect anything
      error_ = status::expectation_failed;
      head.expects_continue = equals_ignoring_case(value, "100-continue");
      return head.expects_continue;
    case known_field::other: break;
  }
  return true;
}

// Checks what only the whole head shows.
request_parser::step request_parser::end_of_head(std::string_view bytes, request_head& head) noexcept {
  if (position_ == bytes.size()) return step::incomplete;
  if (bytes[position_] != '\n') return fail(status::bad_request);
  ++position_;
  head.length = static_cast<std::uint16_t>(position_);
  if (head.chunked && (head.has_content_length || head.minor_version == 0)) return fail(status::bad_request);
  if (!head.has_host && head.minor_version != 0) return fail(status::bad_request);
  if (!resolve_target(head)) return fail(status::bad_request);
  return step::complete;
}

bool request_parser::resolve_target(request_head& head) noexcept {
  const std::string_view target = head.target_text();
  const std::size_t at = head.target.at;
  head.authority = host_;
  if (head.method == http::method::connect) {
    head.form = target_form::authority;
    head.authority = head.target;
    // The tunnel's bytes would follow the head: a body cannot.
    return is_authority(target) && is_digit(target.back()) && target.find(':') != target.npos &&
           !head.has_body();
  }
  if (target == "*") {
    head.form = target_form::asterisk;
    return head.method == http::method::options;
  }
  std::size_t path_at = at;
  if (target.front() != '/') {
    const absolute_target parts = split_absolute(target);
    if (parts.scheme.empty() || !is_authority(parts.authority)) return false;
    if (head.has_host && !same_authority(parts.authority, head.text(host_), parts.scheme)) return false;
    head.form = target_form::absolute;
    const std::size_t authority_at = at + parts.scheme.size() + 3;
    path_at = authority_at + parts.authority.size();
    head.authority = slice_of(authority_at, path_at);
  }
  const std::size_t end = at + target.size();
  const std::size_t question = target.find('?', path_at - at);
  head.has_query = question != target.npos;
  const std::size_t path_end = head.has_query ? at + question : end;
  head.path = slice_of(path_at, path_end);
  head.query = slice_of(head.has_query ? path_end + 1 : end, end);
  return true;
}

}  // namespace weft::http::detail

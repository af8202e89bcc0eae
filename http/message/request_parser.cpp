#include <weft/http/message/request_parser.hpp>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/scan.hpp>
#include <weft/http/message/target.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::http::detail {

request_parser::request_parser(head_limits limits) noexcept : field_parser{limits.fields}, limits_{limits} {
  WEFT_ASSERT(limits.head <= UINT16_MAX);
  WEFT_ASSERT(limits.target < limits.head);
}

void request_parser::reset() noexcept {
  reset_fields();
  stage_ = stage::leading;
  host_ = {};
}

parse_outcome request_parser::parse(std::string_view bytes, request_head& head) noexcept {
  if (position_ == 0 && stage_ == stage::leading) head.clear();
  return parse_head(bytes, limits_.head, head,
                    [&](std::string_view allowed) { return advance(allowed, head); });
}

request_parser::step request_parser::advance(std::string_view bytes, request_head& head) noexcept {
  switch (stage_) {
    case stage::leading: return parse_leading(bytes);
    case stage::method: return parse_method(bytes, head);
    case stage::target: return parse_target(bytes, head);
    case stage::version: return parse_version(bytes, head);
    case stage::fields: return parse_rest(bytes, head);
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
  if (const step outcome = field_parser::parse_version(bytes, "\r\n"); outcome != step::next) return outcome;
  const char major = bytes[mark_ + 5];
  if (major == '0') return fail(status::bad_request);
  // The preface of an HTTP/2 connection is no request of any version.
  if (major > '1')
    return fail(head.method_text() == "PRI" ? status::bad_request : status::http_version_not_supported);
  head.minor_version = bytes[mark_ + 7] == '0' ? 0 : 1;
  mark_ = position_;
  stage_ = stage::fields;
  return step::next;
}

request_parser::step request_parser::parse_rest(std::string_view bytes, request_head& head) noexcept {
  const step outcome = parse_fields(bytes, head);
  if (outcome == step::complete) return end_of_head(head);
  if (outcome == step::next && !understand(head.fields[head.field_count - 1U], head)) return step::failed;
  return outcome;
}

// Takes in a field that decides about routing or the connection. False: it is wrong, and error_ says how.
bool request_parser::understand(head_field field, request_head& head) noexcept {
  const std::string_view value = head.text(field.value);
  if (field.known == known_field::host) {
    error_ = status::bad_request;
    if (head.has_host || !is_authority(value)) return false;
    head.has_host = true;
    host_ = field.value;
    return true;
  }
  if (head.minor_version == 0) return true;  // a 1.0 client cannot expect anything
  error_ = status::expectation_failed;
  head.expects_continue = equals_ignoring_case(value, "100-continue");
  return head.expects_continue;
}

// Checks what only the whole head shows.
request_parser::step request_parser::end_of_head(request_head& head) noexcept {
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
    return is_host_and_port(target) && !head.has_body();
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

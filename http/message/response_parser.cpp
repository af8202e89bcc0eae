#include <weft/http/message/response_parser.hpp>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/scan.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::http::detail {

response_parser::response_parser(std::size_t head_max) noexcept
    : field_parser{response_head::fields_capacity}, head_max_{head_max} {
  WEFT_ASSERT(head_max <= UINT16_MAX);
}

void response_parser::reset() noexcept {
  reset_fields();
  stage_ = stage::version;
}

errc response_parser::error() const noexcept {
  switch (error_) {
    case status::request_header_fields_too_large: return errc::limit;
    case status::not_implemented:
    case status::http_version_not_supported: return errc::unsupported;
    default: return errc::protocol;
  }
}

parse_outcome response_parser::parse(std::string_view bytes, response_head& head) noexcept {
  if (position_ == 0 && stage_ == stage::version) head.clear();
  return parse_head(bytes, head_max_, head, [&](std::string_view allowed) { return advance(allowed, head); });
}

response_parser::step response_parser::advance(std::string_view bytes, response_head& head) noexcept {
  switch (stage_) {
    case stage::version: return parse_version(bytes, head);
    case stage::status: return parse_status(bytes, head);
    case stage::reason_start: return parse_reason_start(bytes);
    case stage::reason: return parse_reason(bytes, head);
    case stage::line_end: return parse_line_end(bytes);
    case stage::fields: return parse_fields(bytes, head);  // Host and Expect mean nothing here
  }
  return step::failed;
}

response_parser::step response_parser::parse_version(std::string_view bytes, response_head& head) noexcept {
  if (const step outcome = field_parser::parse_version(bytes, " "); outcome != step::next) return outcome;
  const char major = bytes[mark_ + 5];
  if (major != '1') return fail(major == '0' ? status::bad_request : status::http_version_not_supported);
  head.minor_version = bytes[mark_ + 7] == '0' ? 0 : 1;
  mark_ = position_;
  stage_ = stage::status;
  return step::next;
}

response_parser::step response_parser::parse_status(std::string_view bytes, response_head& head) noexcept {
  constexpr std::size_t digits = 3;
  for (; position_ < bytes.size() && position_ - mark_ < digits; ++position_)
    if (!is_digit(bytes[position_]) || bytes[mark_] == '0') return fail(status::bad_request);
  if (position_ - mark_ < digits) return step::incomplete;
  int code = 0;
  for (const char c : bytes.substr(mark_, digits)) code = code * 10 + (c - '0');
  head.status = static_cast<http::status>(code);
  stage_ = stage::reason_start;
  return step::next;
}

response_parser::step response_parser::parse_reason_start(std::string_view bytes) noexcept {
  if (position_ == bytes.size()) return step::incomplete;
  if (bytes[position_] == ' ') ++position_;
  else if (bytes[position_] != '\r') return fail(status::bad_request);
  mark_ = position_;
  stage_ = stage::reason;
  return step::next;
}

response_parser::step response_parser::parse_reason(std::string_view bytes, response_head& head) noexcept {
  const char* const end = bytes.data() + bytes.size();
  position_ = static_cast<std::size_t>(scan_value(bytes.data() + position_, end) - bytes.data());
  if (position_ == bytes.size()) return step::incomplete;
  if (bytes[position_] != '\r') return fail(status::bad_request);  // also a bare LF
  head.reason = slice_of(mark_, position_);
  ++position_;
  stage_ = stage::line_end;
  return step::next;
}

response_parser::step response_parser::parse_line_end(std::string_view bytes) noexcept {
  if (position_ == bytes.size()) return step::incomplete;
  if (bytes[position_] != '\n') return fail(status::bad_request);
  mark_ = ++position_;
  stage_ = stage::fields;
  return step::next;
}

}  // namespace weft::http::detail

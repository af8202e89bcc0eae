#include <weft/http/response.hpp>

#include <algorithm>

#include <weft/http/exchange.hpp>
#include <weft/http/message/ascii.hpp>
#include <weft/http/message/field_text.hpp>
#include <weft/http/message/trailer.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::http {
namespace {

bool is_framing(std::string_view name) noexcept {
  constexpr std::string_view framing[] = {"connection", "content-length", "date", "transfer-encoding"};
  return std::ranges::any_of(framing, [&](std::string_view f) { return detail::resembles(name, f); });
}

struct field {
  std::string_view name;
  std::string_view value;
};

// Takes the first off, of fields as header() writes them.
field take_field(std::string_view& fields) noexcept {
  const std::size_t colon = fields.find(':');
  const std::size_t end = fields.find('\r', colon);
  const field first{fields.substr(0, colon), fields.substr(colon + 2, end - colon - 2)};
  fields.remove_prefix(end + 2);
  return first;
}

// Drops all fields of that name.
void drop_field(detail::byte_buffer& fields, std::string_view name) {
  const std::string before{fields.text()};
  fields.clear();
  for (std::string_view rest = before; !rest.empty();) {
    const field f = take_field(rest);
    if (!detail::equals_ignoring_case(f.name, name)) fields.append_all(f.name, ": ", f.value, "\r\n");
  }
}

bool may_be_set(std::string_view name, std::string_view value) noexcept {
  return detail::is_field_name(name) && detail::is_field_value(value) && !is_framing(name);
}

}  // namespace

response& response::header(std::string_view name, std::string_view value) {
  if (detail::equals_ignoring_case(name, "connection") && detail::equals_ignoring_case(value, "close")) {
    says_close_ = true;
  } else if (!may_be_set(name, value)) {
    spoilt_ = true;
  } else if (detail::equals_ignoring_case(name, "content-type")) {
    content_type_.clear();
    content_type_.append(value);
  } else {
    says_allow_ = says_allow_ || detail::equals_ignoring_case(name, "allow");
    fields_.append_all(name, ": ", value, "\r\n");
  }
  return *this;
}

response& response::set_cookie(const cookie& c) {
  if (!detail::append_set_cookie(fields_, c)) spoilt_ = true;
  return *this;
}

response& response::trailer(std::string_view name, std::string_view value) {
  if (!may_be_set(name, value) || detail::is_forbidden_trailer(name)) spoilt_ = true;
  else trailers_.append_all(name, ": ", value, "\r\n");
  return *this;
}

void response::set_body(std::string_view text, std::string_view content_type) {
  owned_.clear();
  shared_.reset();
  body_.clear();
  body_.append(text);
  if (content_type_.empty()) content_type_.append(content_type);
}

void response::body(std::string&& text, std::string_view content_type) {
  body_.clear();
  shared_.reset();
  owned_ = std::move(text);
  header("content-type", content_type);
}

void response::redirect(std::string_view to, http::status s) {
  const auto code = static_cast<int>(s);
  WEFT_ASSERT((code >= 301 && code <= 303) || code == 307 || code == 308, "this status redirects nobody");
  status(s);
  const bool visible = std::ranges::all_of(to, [](char c) { return c > ' ' && c < 0x7f; });
  if (visible && !to.empty()) header("Location", to);
  else spoilt_ = true;
}

result<void> response::write(byte_view bytes, deadline until) {
  return owner_.stream({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, until);
}

result<void> response::write_file(io::file& from, std::uint64_t offset, std::uint64_t length,
                                  deadline until) {
  return owner_.stream_file(from, offset, length, until);
}

result<void> response::flush(deadline until) {
  WEFT_TRY(owner_.stream({}, until));
  return owner_.flush(until);
}

result<void> response::early_hints(std::span<const std::string_view> links, deadline until) {
  return owner_.early_hints(links, until);
}

status response::status() const noexcept {
  if (streaming_) return status_;
  if (!hijacked_ && !is_sound()) return http::status::internal_server_error;
  return fixed() != nullptr ? fixed()->code() : status_;
}

response& response::replace_header(std::string_view name, std::string_view value) {
  drop_field(fields_, name);
  return header(name, value);
}

response& response::default_header(std::string_view name, std::string_view value) {
  drop_field(defaults_, name);
  if (may_be_set(name, value)) defaults_.append_all(name, ": ", value, "\r\n");
  else spoilt_ = true;
  return *this;
}

// Before a head is written: what is said is known now, and what is not said.
void response::settle_defaults() {
  for (std::string_view rest = defaults_.text(); !rest.empty();) {
    const field f = take_field(rest);
    if (!header(f.name)) header(f.name, f.value);
  }
  defaults_.clear();
}

std::optional<std::string_view> response::header(std::string_view name) const noexcept {
  if (detail::equals_ignoring_case(name, "content-type"))
    return content_type_.empty() ? std::nullopt : std::optional{content_type_.text()};
  for (std::string_view rest = fields_.text(); !rest.empty();) {
    const field f = take_field(rest);
    if (detail::equals_ignoring_case(f.name, name)) return f.value;
  }
  return std::nullopt;
}

std::size_t response::body_size() const noexcept {
  if (streaming_) return written_;
  if (spoilt_) return detail::plain_answer(http::status::internal_server_error).body_length();
  return fixed() != nullptr ? fixed()->body_length() : body_text().size();
}

// Drops what was set since `mark`, but the fields that stood there.
void response::drop_since(std::size_t mark) noexcept {
  if (streaming_) return;
  fields_.shrink(mark);
  status_ = http::status::ok;
  content_type_.clear();
  answer_.reset();
  length_.reset();
  trailers_.clear();
  release();
}

// Answers an error, in place of all but middleware's fields.
void response::fail(http::status why) noexcept {
  if (spoilt_ || !keeps_fields_) fields_.clear();
  spoilt_ = false;
  status_ = why;
  answer_.reset();
  length_.reset();
  trailers_.clear();
  release();
  send_plain(why);
}

void response::reset() noexcept {
  status_ = http::status::ok;
  says_close_ = spoilt_ = says_allow_ = streaming_ = hijacked_ = keeps_fields_ = false;
  plain_ = nullptr;
  answer_.reset();
  length_.reset();
  written_ = 0;
  fields_.clear();
  defaults_.clear();
  content_type_.clear();
  release();
}

// Gives the memory of the body, and of what stands behind it, back, once it is in the output.
void response::release() noexcept {
  body_.release();
  trailers_.release();
  shared_.reset();
  if (!owned_.empty()) std::string{}.swap(owned_);  // which an assignment would not free
}

}  // namespace weft::http

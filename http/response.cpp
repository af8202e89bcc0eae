#include <weft/http/response.hpp>

#include <algorithm>

#include <weft/http/ascii.hpp>
#include <weft/http/exchange.hpp>
#include <weft/http/scan.hpp>

namespace weft::http {
namespace {

bool is_name(std::string_view text) noexcept {
  return !text.empty() &&
         detail::scan_token(text.data(), text.data() + text.size()) == text.data() + text.size();
}
bool is_value(std::string_view text) noexcept {
  return detail::scan_value(text.data(), text.data() + text.size()) == text.data() + text.size();
}
bool is_framing(std::string_view name) noexcept {
  constexpr std::string_view framing[] = {"connection", "content-length", "date", "transfer-encoding"};
  return std::ranges::any_of(framing,
                             [&](std::string_view f) { return detail::equals_ignoring_case(name, f); });
}

}  // namespace

response& response::header(std::string_view name, std::string_view value) {
  if (detail::equals_ignoring_case(name, "connection") && detail::equals_ignoring_case(value, "close"))
    says_close_ = true;
  else if (!is_name(name) || !is_value(value) || is_framing(name)) spoilt_ = true;
  else if (detail::equals_ignoring_case(name, "content-type"))
    content_type_.clear(), content_type_.append(value);
  else fields_.append_all(name, ": ", value, "\r\n");
  return *this;
}

void response::set_body(std::string_view text, std::string_view content_type) {
  owned_.clear();
  body_.clear();
  body_.append(text);
  if (content_type_.empty()) content_type_.append(content_type);
}

void response::body(std::string&& text, std::string_view content_type) {
  body_.clear();
  owned_ = std::move(text);
  header("content-type", content_type);
}

result<void> response::write(byte_view bytes, deadline until) {
  return owner_.stream({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, until);
}

result<void> response::flush(deadline until) { return owner_.flush(until); }

void response::reset() noexcept {
  status_ = http::status::ok;
  says_close_ = spoilt_ = streaming_ = false;
  plain_ = nullptr;
  answer_.reset();
  fields_.clear();
  content_type_.clear();
  release();
}

// Gives the memory of the body back, once it is in the output.
void response::release() noexcept {
  body_.release();
  if (!owned_.empty()) std::string{}.swap(owned_);  // which an assignment would not free
}

}  // namespace weft::http

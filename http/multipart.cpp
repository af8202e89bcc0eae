#include <weft/http/multipart.hpp>

#include <algorithm>
#include <cstring>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/field_text.hpp>
#include <weft/http/message/parameters.hpp>

namespace weft::http {

using detail::parameter;
using outcome = detail::multipart_parser::outcome;

result<multipart> multipart::open(request& from, multipart_limits limits) {
  const std::string_view type = from.header("content-type").value_or("");
  if (!detail::equals_ignoring_case(detail::value_without_parameters(type), "multipart/form-data"))
    return std::unexpected(status::unsupported_media_type);
  std::string boundary;
  if (detail::find_parameter(type, "boundary", boundary) != parameter::found ||
      !detail::multipart_parser::is_boundary(boundary))
    return std::unexpected(status::bad_request);
  return multipart{from, boundary, limits};
}

multipart::multipart(request& from, std::string_view boundary, const multipart_limits& limits)
    : from_{&from},
      limits_{limits},
      parser_{boundary, {.parts = limits.parts, .head = limits.head}},
      capacity_{detail::multipart_parser::window_of({.head = limits.head}) + (8 << 10)},
      window_{std::make_unique_for_overwrite<std::byte[]>(capacity_)} {}

// More of the body, behind what is there.
result<void> multipart::fill(deadline until) {
  if (begin_ != 0) {
    std::memmove(window_.get(), window_.get() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
  }
  const std::size_t got = WEFT_TRY(from_->read(std::span{window_.get() + end_, capacity_ - end_}, until));
  if (got == 0) return std::unexpected(status::bad_request);  // before the last delimiter
  end_ += got;
  return {};
}

// What comes next, whatever it is.
result<detail::multipart_parser::piece> multipart::take(deadline until) {
  for (;;) {
    const auto* const text = reinterpret_cast<const char*>(window_.get()) + begin_;
    const detail::multipart_parser::piece piece = parser_.next({text, end_ - begin_});
    begin_ += piece.consumed;
    if (piece.what == outcome::failed) return std::unexpected(parser_.error());
    if (piece.what != outcome::incomplete) return piece;
    WEFT_TRY(fill(until));
  }
}

// The next bytes of the part, which lie in the window until the next call; empty at its end.
result<std::string_view> multipart::take_data(deadline until) {
  if (!data_.empty()) return data_;
  if (!in_part_) return std::string_view{};
  const auto piece = WEFT_TRY(take(until));
  if (piece.what == outcome::end_of_part) in_part_ = false;
  size_ += piece.data.size();
  if (size_ > limits_.part) return std::unexpected(status::content_too_large);
  return data_ = piece.data;
}

result<void> multipart::skip_part(deadline until) {
  while (!WEFT_TRY(take_data(until)).empty()) data_ = {};
  return {};
}

result<bool> multipart::next(deadline until) {
  WEFT_TRY(skip_part(until));
  const auto piece = WEFT_TRY(take(until));
  if (piece.what == outcome::done) {
    WEFT_TRY(drop_rest(until));
    return false;
  }
  name_.clear();
  file_name_.clear();
  content_type_ = "text/plain";
  is_file_ = false;
  size_ = 0;
  WEFT_TRY(read_head(piece.data));
  if (name_.empty()) return std::unexpected(status::bad_request);
  return in_part_ = true;
}

// What stands behind the last delimiter means nothing.
result<void> multipart::drop_rest(deadline until) {
  begin_ = end_ = 0;
  while (WEFT_TRY(from_->read(std::span{window_.get(), capacity_}, until)) != 0) {}
  return {};
}

result<void> multipart::read_head(std::string_view lines) {
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find("\r\n"));
    lines.remove_prefix(std::min(lines.size(), line.size() + 2));
    const std::size_t colon = line.find(':');
    if (colon == line.npos || !detail::is_field_name(line.substr(0, colon)) ||
        !detail::is_field_value(line.substr(colon + 1)))
      return std::unexpected(status::bad_request);
    WEFT_TRY(read_field(line.substr(0, colon), detail::trimmed(line.substr(colon + 1))));
  }
  return {};
}

result<void> multipart::read_field(std::string_view name, std::string_view value) {
  if (detail::equals_ignoring_case(name, "content-disposition")) return read_disposition(value);
  if (detail::equals_ignoring_case(name, "content-type")) content_type_ = value;
  if (detail::equals_ignoring_case(name, "content-transfer-encoding")) {
    const bool plain = detail::equals_ignoring_case(value, "binary") ||
                       detail::equals_ignoring_case(value, "8bit") ||
                       detail::equals_ignoring_case(value, "7bit");
    if (!plain) return std::unexpected(status::unsupported_media_type);
  }
  return {};
}

result<void> multipart::read_disposition(std::string_view value) {
  if (!name_.empty() || !detail::equals_ignoring_case(detail::value_without_parameters(value), "form-data"))
    return std::unexpected(status::bad_request);
  const parameter file = detail::find_parameter(value, "filename", file_name_);
  if (detail::find_parameter(value, "name", name_) != parameter::found || file == parameter::malformed)
    return std::unexpected(status::bad_request);
  if (name_.size() > limits_.name || file_name_.size() > limits_.name)
    return std::unexpected(status::content_too_large);
  is_file_ = file == parameter::found;
  return {};
}

result<std::size_t> multipart::read(std::span<std::byte> into, deadline until) {
  if (into.empty()) return std::size_t{0};
  const std::string_view here = WEFT_TRY(take_data(until)).substr(0, into.size());
  if (!here.empty()) std::memcpy(into.data(), here.data(), here.size());
  data_.remove_prefix(here.size());
  return here.size();
}

result<std::string> multipart::text(std::size_t size_max, deadline until) {
  std::string all;
  for (;;) {
    const std::string_view here = WEFT_TRY(take_data(until));
    if (here.empty()) return all;
    if (here.size() > size_max - all.size()) return std::unexpected(status::content_too_large);
    all += here;
    data_ = {};
  }
}

}  // namespace weft::http

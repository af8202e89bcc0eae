#include <weft/http/message/multipart_parser.hpp>

#include <algorithm>

#include <weft/http/message/ascii.hpp>

namespace weft::http::detail {
namespace {

// Where `delimiter` may begin in `text`: all of it is there, or `text` ends too soon to tell. npos: nowhere.
std::size_t find_begun(std::string_view text, std::string_view delimiter) noexcept {
  for (std::size_t at = 0; (at = text.find('\r', at)) != text.npos; ++at) {
    const std::string_view here = text.substr(at, delimiter.size());
    if (delimiter.starts_with(here)) return at;
  }
  return text.npos;
}

}  // namespace

bool multipart_parser::is_boundary(std::string_view text) noexcept {
  constexpr std::string_view marks = "'()+_,-./:=? ";
  return !text.empty() && text.size() <= boundary_max && text.back() != ' ' &&
         std::ranges::all_of(text, [&](char c) {
           const char lower = to_lower(c);
           return (lower >= 'a' && lower <= 'z') || is_digit(c) || marks.find(c) != marks.npos;
         });
}

multipart_parser::multipart_parser(std::string_view boundary, multipart_part_limits limits)
    : delimiter_{"\r\n--"}, limits_{limits} {
  delimiter_ += boundary;
}

multipart_parser::piece multipart_parser::next(std::string_view input) noexcept {
  switch (stage_) {
    case stage::start: return find_first(input);
    case stage::behind_delimiter: return end_delimiter(input);
    case stage::head: return take_head(input);
    case stage::data_start: return begin_data(input);
    case stage::data: return take_data(input);
    case stage::done: return {outcome::done, 0};
    case stage::failed: break;
  }
  return {outcome::failed, 0};
}

multipart_parser::piece multipart_parser::fail(status why) noexcept {
  stage_ = stage::failed;
  error_ = why;
  return {outcome::failed, 0};
}

multipart_parser::piece multipart_parser::find_first(std::string_view input) noexcept {
  const std::string_view all = delimiter_;
  const std::string_view wanted = input.starts_with('\r') ? all : all.substr(2);
  if (input.size() < wanted.size())
    return wanted.starts_with(input) ? piece{outcome::incomplete, 0} : fail(status::bad_request);
  if (!input.starts_with(wanted)) return fail(status::bad_request);
  stage_ = stage::behind_delimiter;
  piece following = end_delimiter(input.substr(wanted.size()));
  following.consumed += wanted.size();
  return following;
}

// Behind a delimiter: spaces and a line end, or two hyphens.
multipart_parser::piece multipart_parser::end_delimiter(std::string_view input) noexcept {
  std::size_t at = 0;
  while (at < input.size() && (input[at] == ' ' || input[at] == '\t')) ++at;
  padding_ += at;
  if (padding_ > limits_.head) return fail(status::content_too_large);
  const std::string_view rest = input.substr(at);
  if (rest.size() < 2 && (rest.empty() || rest == "\r" || (rest == "-" && padding_ == 0)))
    return {outcome::incomplete, at};
  if (rest.starts_with("--") && padding_ == 0) {
    stage_ = stage::done;
    return {outcome::done, at + 2};
  }
  if (!rest.starts_with("\r\n")) return fail(status::bad_request);
  if (++parts_ > limits_.parts) return fail(status::content_too_large);
  stage_ = stage::head;
  scanned_ = padding_ = 0;
  piece following = take_head(rest.substr(2));
  following.consumed += at + 2;
  return following;
}

multipart_parser::piece multipart_parser::take_head(std::string_view input) noexcept {
  const std::size_t end = input.substr(0, limits_.head).find("\r\n\r\n", scanned_);
  if (end == input.npos) {
    if (input.size() >= limits_.head) return fail(status::content_too_large);
    scanned_ = input.size() < 3 ? 0 : input.size() - 3;
    return {outcome::incomplete, 0};
  }
  stage_ = stage::data_start;
  return {outcome::head, end + 4, input.substr(0, end + 2)};
}

// A delimiter whose line end is that of the head: some read an empty part there, others go on to the next
// one.
multipart_parser::piece multipart_parser::begin_data(std::string_view input) noexcept {
  const std::string_view wanted = std::string_view{delimiter_}.substr(2);
  if (input.size() < wanted.size() && wanted.starts_with(input)) return {outcome::incomplete, 0};
  if (input.starts_with(wanted)) return fail(status::bad_request);
  stage_ = stage::data;
  return take_data(input);
}

multipart_parser::piece multipart_parser::take_data(std::string_view input) noexcept {
  const std::size_t at = find_begun(input, delimiter_);
  if (at == input.npos) return {input.empty() ? outcome::incomplete : outcome::data, input.size(), input};
  if (at != 0) return {outcome::data, at, input.substr(0, at)};
  if (input.size() < delimiter_.size()) return {outcome::incomplete, 0};
  stage_ = stage::behind_delimiter;
  return {outcome::end_of_part, delimiter_.size()};
}

}  // namespace weft::http::detail

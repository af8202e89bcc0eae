#include <weft/http/message/chunk_decoder.hpp>

#include <algorithm>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/scan.hpp>
#include <weft/http/message/trailer.hpp>

namespace weft::http::detail {
namespace {

bool is_space(char c) noexcept { return c == ' ' || c == '\t'; }
bool is_value(char c) noexcept { return scan_value(&c, &c + 1) == &c + 1; }

}  // namespace

chunk_decoder::piece chunk_decoder::next(std::string_view input) noexcept {
  std::size_t at = 0;
  std::size_t trailers_at = stage_ >= stage::trailer_start ? 0 : input.size();
  while (stage_ != stage::done && stage_ != stage::failed && at < input.size()) {
    if (stage_ == stage::data) {
      const std::string_view data =
          input.substr(at, static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - at)));
      left_ -= data.size();
      payload_ += data.size();
      if (left_ == 0) stage_ = stage::data_cr;
      return {outcome::data, at + data.size(), data};
    }
    stage_ = step(input[at]);
    ++at;
    ++overhead_;
    if (stage_ == stage::trailer_start && trailers_at == input.size()) trailers_at = at;
    if (overhead_ > overhead_max && overhead_ > 3 * payload_) stage_ = stage::failed;
  }
  const std::string_view trailers = input.substr(trailers_at, at - std::min(trailers_at, at));
  if (stage_ == stage::done) return {outcome::done, at, {}, trailers};
  return {stage_ == stage::failed ? outcome::failed : outcome::incomplete, at, {}, trailers};
}

chunk_decoder::stage chunk_decoder::step(char c) noexcept {
  switch (stage_) {
    case stage::size_start:
    case stage::size:
    case stage::size_space: return ++line_ > line_max ? stage::failed : step_size(c);
    case stage::extension_start:
    case stage::extension_name:
    case stage::extension_name_space:
    case stage::extension_value_start:
    case stage::extension_value:
    case stage::extension_quoted:
    case stage::extension_escape:
    case stage::extension_end:
    case stage::extension_space:
      return ++line_ > line_max || ++extensions_ > extensions_max ? stage::failed : step_extension(c);
    case stage::size_lf:
      line_ = 0;
      return c != '\n' ? stage::failed : last_ ? stage::trailer_start : stage::data;
    case stage::data_cr: return c == '\r' ? stage::data_lf : stage::failed;
    case stage::data_lf: return c == '\n' ? stage::size_start : stage::failed;
    case stage::trailer_start:
    case stage::trailer_name:
    case stage::trailer_value:
    case stage::trailer_lf: return ++trailers_ > trailers_max ? stage::failed : step_trailer(c);
    case stage::last_lf: return c == '\n' ? stage::done : stage::failed;
    case stage::data:
    case stage::done:
    case stage::failed: break;
  }
  return stage::failed;
}

chunk_decoder::stage chunk_decoder::step_size(char c) noexcept {
  if (stage_ == stage::size_space)
    return is_space(c) ? stage_ : c == ';' ? stage::extension_start : stage::failed;
  if (const int digit = hex_value(c); digit >= 0) {
    if (stage_ == stage::size_start) left_ = 0;
    if (left_ >= size_max / 16) return stage::failed;
    left_ = left_ * 16 + static_cast<unsigned>(digit);
    return stage::size;
  }
  if (stage_ == stage::size_start) return stage::failed;
  if (is_space(c)) return stage::size_space;
  return end_of_size(c);
}

// A `;` or the end of the line, after the size or after an extension.
chunk_decoder::stage chunk_decoder::end_of_size(char c) noexcept {
  if (c == ';') return stage::extension_start;
  if (c != '\r') return stage::failed;
  last_ = left_ == 0;
  return stage::size_lf;
}

chunk_decoder::stage chunk_decoder::step_extension(char c) noexcept {
  switch (stage_) {
    case stage::extension_start:
      return is_space(c) ? stage_ : is_token(c) ? stage::extension_name : stage::failed;
    case stage::extension_name:
      if (is_token(c)) return stage_;
      if (is_space(c)) return stage::extension_name_space;
      return c == '=' ? stage::extension_value_start : end_of_size(c);
    case stage::extension_name_space:
      if (is_space(c)) return stage_;
      return c == '=' ? stage::extension_value_start : c == ';' ? stage::extension_start : stage::failed;
    case stage::extension_value_start:
      if (is_space(c)) return stage_;
      return c == '"' ? stage::extension_quoted : is_token(c) ? stage::extension_value : stage::failed;
    case stage::extension_value:
      if (is_token(c)) return stage_;
      return is_space(c) ? stage::extension_space : end_of_size(c);
    case stage::extension_quoted:
      if (c == '"') return stage::extension_end;
      return c == '\\' ? stage::extension_escape : is_value(c) ? stage_ : stage::failed;
    case stage::extension_escape: return is_value(c) ? stage::extension_quoted : stage::failed;
    case stage::extension_end: return is_space(c) ? stage::extension_space : end_of_size(c);
    case stage::extension_space:
      return is_space(c) ? stage_ : c == ';' ? stage::extension_start : stage::failed;
    default: return stage::failed;
  }
}

chunk_decoder::stage chunk_decoder::step_trailer(char c) noexcept {
  switch (stage_) {
    case stage::trailer_start:
      name_length_ = 0;
      if (c == '\r') return stage::last_lf;
      if (++trailer_fields_ > trailer_fields_max) return stage::failed;
      [[fallthrough]];
    case stage::trailer_name:
      if (c == ':' && name_length_ != 0) return forbidden_trailer() ? stage::failed : stage::trailer_value;
      if (!is_token(c)) return stage::failed;
      if (name_length_ < name_max) name_[name_length_] = c;
      if (name_length_ <= name_max) ++name_length_;
      return stage::trailer_name;
    case stage::trailer_value: return c == '\r' ? stage::trailer_lf : is_value(c) ? stage_ : stage::failed;
    case stage::trailer_lf: return c == '\n' ? stage::trailer_start : stage::failed;
    default: return stage::failed;
  }
}

bool chunk_decoder::forbidden_trailer() const noexcept {
  return is_forbidden_trailer({name_, std::min<std::size_t>(name_length_, name_max)});
}

}  // namespace weft::http::detail

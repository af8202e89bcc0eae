#include <weft/http/message/entity_tag.hpp>

#include <cstddef>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/number_text.hpp>

namespace weft::http::detail {
namespace {

std::string_view opaque_part(std::string_view tag) noexcept {
  return tag.starts_with("W/") ? tag.substr(2) : tag;
}

// The length of the tag that `text` begins with; 0: with none.
std::size_t tag_length(std::string_view text) noexcept {
  std::size_t at = text.starts_with("W/") ? 2 : 0;
  if (at == text.size() || text[at] != '"') return 0;
  for (++at; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c == '"') return at + 1;
    if (c <= 0x20 || c == 0x7f) return 0;
  }
  return 0;
}

}  // namespace

bool matches_strongly(std::string_view a, std::string_view b) noexcept {
  return a == b && !a.empty() && !a.starts_with("W/");
}

bool matches_weakly(std::string_view a, std::string_view b) noexcept {
  return !a.empty() && opaque_part(a) == opaque_part(b);
}

bool holds_tag(std::string_view list, std::string_view tag,
               bool (*matches)(std::string_view, std::string_view) noexcept) noexcept {
  list = trimmed(list);
  if (list == "*") return true;
  while (!list.empty()) {
    if (list.front() == ',') {
      list = trimmed(list.substr(1));
      continue;
    }
    const std::size_t length = tag_length(list);
    if (length == 0) return false;
    if (matches(list.substr(0, length), tag)) return true;
    list = trimmed(list.substr(length));
    if (!list.empty() && list.front() != ',') return false;
  }
  return false;
}

bool may_change_unseen(file_moment changed, std::int64_t now) noexcept { return changed.seconds >= now - 2; }

std::string file_tag(file_moment changed, std::uint64_t size, std::string_view coding, bool weak) {
  std::string tag{weak ? "W/\"" : "\""};
  tag.append(number_text{static_cast<std::uint64_t>(changed.seconds), 16}).append(".");
  tag.append(number_text{changed.nanoseconds, 16}).append("-").append(number_text{size, 16});
  if (!coding.empty()) tag.append("-").append(coding);
  return tag.append("\"");
}

}  // namespace weft::http::detail

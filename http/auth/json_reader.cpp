#include <weft/http/auth/json_reader.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

#include <weft/http/message/ascii.hpp>

namespace weft::http::detail {
namespace {

constexpr int depth_max = 16;  // of lists and objects in each other
constexpr std::size_t members_max = 100;

void append_utf8(std::string& to, std::uint32_t code) {
  const auto tail = [&](int shift) { to += static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    to += static_cast<char>(code);
  } else if (code < 0x800) {
    to += static_cast<char>(0xc0 | code >> 6), tail(0);
  } else if (code < 0x10000) {
    to += static_cast<char>(0xe0 | code >> 12), tail(6), tail(0);
  } else {
    to += static_cast<char>(0xf0 | code >> 18), tail(12), tail(6), tail(0);
  }
}

// Reads one value after the other. Each function is false where the text is not what it reads.
class reader {
 public:
  explicit reader(std::string_view text) noexcept : rest_{text} {}

  std::string_view rest() const noexcept { return rest_; }
  bool at_end() noexcept { return skip_space(), rest_.empty(); }

  bool take(char c) noexcept {
    skip_space();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool string(std::string& into) {
    if (!take('"')) return false;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') into += c;
      else if (!escape(into)) return false;
    }
    return false;
  }

  bool number(double& into) noexcept {
    skip_space();
    const std::size_t length = std::min(rest_.find_first_not_of("+-.0123456789eE"), rest_.size());
    const std::string_view text = rest_.substr(0, length);
    if (!is_number(text)) return false;
    const auto [end, error] = std::from_chars(text.data(), text.data() + length, into);
    rest_.remove_prefix(length);
    return error == std::errc{} && std::isfinite(into);
  }

  // The text of any value.
  bool value(std::string_view& into, int depth = 0) {
    skip_space();
    const char* const begin = rest_.data();
    if (!skip_value(depth)) return false;
    into = {begin, rest_.data()};
    return true;
  }

  bool object(std::vector<json_member>& into, int depth = 0) {
    if (!take('{')) return false;
    if (take('}')) return true;
    do {
      json_member m;
      if (!string(m.name) || !take(':') || !value(m.value, depth + 1)) return false;
      if (std::ranges::count(into, m.name, &json_member::name) != 0 || into.size() == members_max)
        return false;
      into.push_back(std::move(m));
    } while (take(','));
    return take('}');
  }

 private:
  void skip_space() noexcept {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
  }

  bool four_digits(std::uint32_t& into) noexcept {
    if (rest_.size() < 4) return false;
    into = 0;
    for (int i = 0; i < 4; ++i) {
      const int digit = hex_value(rest_[static_cast<std::size_t>(i)]);
      if (digit < 0) return false;
      into = into * 16 + static_cast<std::uint32_t>(digit);
    }
    rest_.remove_prefix(4);
    return true;
  }

  // Behind the backslash.
  bool escape(std::string& into) {
    if (rest_.empty()) return false;
    constexpr std::string_view names = "\"\\/bfnrt", values = "\"\\/\b\f\n\r\t";
    const char name = rest_.front();
    rest_.remove_prefix(1);
    if (const std::size_t which = names.find(name); which != names.npos) return into += values[which], true;
    std::uint32_t code = 0;
    if (name != 'u' || !four_digits(code)) return false;
    if (code >= 0xd800 && code < 0xdc00) {  // the first half of a pair
      std::uint32_t low = 0;
      if (!rest_.starts_with("\\u")) return false;
      rest_.remove_prefix(2);
      if (!four_digits(low) || low < 0xdc00 || low >= 0xe000) return false;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
      return false;
    }
    append_utf8(into, code);
    return true;
  }

  static bool take_digits(std::string_view& text) noexcept {
    const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count != 0;
  }

  static bool is_number(std::string_view text) noexcept {
    if (text.starts_with('-')) text.remove_prefix(1);
    if (text.starts_with('0') && text.size() > 1 && is_digit(text[1])) return false;
    if (!take_digits(text)) return false;
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      if (!take_digits(text)) return false;
    }
    if (text.starts_with('e') || text.starts_with('E')) {
      text.remove_prefix(1);
      if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
      if (!take_digits(text)) return false;
    }
    return text.empty();
  }

  bool skip_value(int depth) {
    if (depth > depth_max || rest_.empty()) return false;
    switch (rest_.front()) {
      case '"': {
        std::string ignored;
        return string(ignored);
      }
      case '{': {
        std::vector<json_member> ignored;
        return object(ignored, depth);
      }
      case '[': return skip_list(depth);
      default: break;
    }
    for (const std::string_view word : {"true", "false", "null"})
      if (rest_.starts_with(word)) return rest_.remove_prefix(word.size()), true;
    double ignored = 0;
    return number(ignored);
  }

  bool skip_list(int depth) {
    if (!take('[')) return false;
    if (take(']')) return true;
    std::string_view ignored;
    do {
      if (!value(ignored, depth + 1)) return false;
    } while (take(','));
    return take(']');
  }

  std::string_view rest_;
};

}  // namespace

std::optional<std::vector<json_member>> read_json_object(std::string_view text) {
  reader r{text};
  std::vector<json_member> members;
  return r.object(members) && r.at_end() ? std::optional{std::move(members)} : std::nullopt;
}

std::optional<std::string> read_json_string(std::string_view value) {
  reader r{value};
  std::string text;
  return r.string(text) && r.at_end() ? std::optional{std::move(text)} : std::nullopt;
}

std::optional<double> read_json_number(std::string_view value) {
  reader r{value};
  double number = 0;
  return r.number(number) && r.at_end() ? std::optional{number} : std::nullopt;
}

std::optional<std::vector<std::string>> read_json_strings(std::string_view value) {
  reader r{value};
  std::vector<std::string> all;
  if (!r.take('[')) return std::nullopt;
  if (!r.take(']')) {
    do {
      if (!r.string(all.emplace_back())) return std::nullopt;
    } while (r.take(','));
    if (!r.take(']')) return std::nullopt;
  }
  return r.at_end() ? std::optional{std::move(all)} : std::nullopt;
}

}  // namespace weft::http::detail

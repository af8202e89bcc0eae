#include <weft/http/message/parameters.hpp>

#include <algorithm>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/scan.hpp>

namespace weft::http::detail {
namespace {

void skip_space(std::string_view& text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

std::string_view take_token(std::string_view& text) noexcept {
  const char* const end = scan_token(text.data(), text.data() + text.size());
  const std::string_view token = text.substr(0, static_cast<std::size_t>(end - text.data()));
  text.remove_prefix(token.size());
  return token;
}

// From the quote on. False: it does not end.
bool take_quoted(std::string_view& text, std::string& value) {
  text.remove_prefix(1);
  value.clear();
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"') return true;
    const bool quotes = c == '\\' && !text.empty() && (text.front() == '"' || text.front() == '\\');
    value += quotes ? text.front() : c;
    if (quotes) text.remove_prefix(1);
  }
  return false;
}

}  // namespace

std::string_view value_without_parameters(std::string_view text) noexcept {
  return trimmed(text.substr(0, text.find(';')));
}

parameter find_parameter(std::string_view text, std::string_view name, std::string& value) {
  text.remove_prefix(std::min(text.find(';'), text.size()));
  auto outcome = parameter::absent;
  std::string here;
  while (!text.empty()) {
    if (text.front() != ';') return parameter::malformed;
    text.remove_prefix(1);
    skip_space(text);
    if (text.empty() || text.front() == ';') continue;
    const std::string_view found = take_token(text);
    if (found.empty() || !text.starts_with('=')) return parameter::malformed;
    text.remove_prefix(1);
    if (text.starts_with('"')) {
      if (!take_quoted(text, here)) return parameter::malformed;
    } else {
      here = take_token(text);
      if (here.empty()) return parameter::malformed;
    }
    skip_space(text);
    if (!equals_ignoring_case(found, name)) continue;
    if (outcome == parameter::found) return parameter::malformed;
    outcome = parameter::found;
    value.swap(here);
  }
  return outcome;
}

}  // namespace weft::http::detail

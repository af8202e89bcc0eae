#include <weft/http/coding/accept_encoding.hpp>

#include <weft/http/message/ascii.hpp>

namespace weft::http::detail {
namespace {

constexpr int all = 1000;

// "0.5" of ";q=0.5", in thousandths: up to three decimals, and no more than 1. Source: RFC 9110, section
// 12.4.2.
int weight_of(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 0;
  if (text.size() > 1 && text[1] != '.') return 0;
  int weight = (text[0] - '0') * all;
  int unit = all / 10;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (!is_digit(c)) return 0;
    weight += (c - '0') * unit;
    unit /= 10;
  }
  return weight <= all ? weight : 0;
}

struct preference {
  std::string_view coding;
  int weight;
};

// Of "gzip;q=0.5".
preference preference_of(std::string_view element) noexcept {
  const std::size_t semicolon = element.find(';');
  const std::string_view coding = trimmed(element.substr(0, semicolon));
  if (semicolon == element.npos) return {coding, all};
  const std::string_view parameter = trimmed(element.substr(semicolon + 1));
  if (parameter.size() < 2 || to_lower(parameter[0]) != 'q' || parameter[1] != '=') return {coding, 0};
  return {coding, weight_of(parameter.substr(2))};
}

bool is_coding(std::string_view given, std::string_view coding) noexcept {
  if (equals_ignoring_case(given, coding)) return true;
  return coding == "gzip" && equals_ignoring_case(given, "x-gzip");
}

}  // namespace

int coding_weight(std::string_view field, std::string_view coding) noexcept {
  int named = -1, any = -1;
  for_each_element(field, [&](std::string_view element) {
    const preference p = preference_of(element);
    if (p.coding == "*") any = p.weight;
    else if (is_coding(p.coding, coding)) named = p.weight;
  });
  if (named >= 0) return named;
  if (coding == "identity") return any == 0 ? 0 : 1;
  return any >= 0 ? any : 0;
}

}  // namespace weft::http::detail

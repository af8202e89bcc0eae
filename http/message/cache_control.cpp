#include <weft/http/message/cache_control.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <system_error>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/date_parser.hpp>

namespace weft::http::detail {
namespace {

using std::chrono::seconds;

// What is longer than a year is as good as a year.
constexpr seconds age_max = std::chrono::years{1};

seconds parse_age(std::string_view text) noexcept {
  if (text.starts_with('"') && text.ends_with('"') && text.size() > 1) text = text.substr(1, text.size() - 2);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return seconds{0};
  if (error == std::errc::result_out_of_range) return age_max;
  if (error != std::errc{}) return seconds{0};
  return seconds{std::min(value, static_cast<std::uint64_t>(age_max.count()))};
}

void lessen(std::optional<seconds>& age, seconds to) noexcept { age = age ? std::min(*age, to) : to; }

// Where the element that `text` begins with ends: at a comma that is not in quotes.
std::size_t element_end(std::string_view text) noexcept {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') ++i;
    else if (text[i] == '"') quoted = !quoted;
    else if (text[i] == ',' && !quoted) return i;
  }
  return text.size();
}

// Those for which RFC 9110, section 15.1, lets a cache choose how long, but for 206 and what is rare.
bool is_storable(status s) noexcept {
  constexpr status storable[] = {status::ok,
                                 status::non_authoritative_information,
                                 status::no_content,
                                 status::multiple_choices,
                                 status::moved_permanently,
                                 status::permanent_redirect,
                                 status::not_found,
                                 status::gone};
  return std::ranges::find(storable, s) != std::end(storable);
}

bool is_named(std::string_view name, std::string_view wanted) noexcept {
  return equals_ignoring_case(name, wanted);
}

}  // namespace

void cache_control::add(std::string_view value) noexcept {
  while (!value.empty()) {
    const std::size_t end = element_end(value);
    const std::string_view element = trimmed(value.substr(0, end));
    value.remove_prefix(std::min(end + 1, value.size()));
    const std::size_t equals = element.find('=');
    const std::string_view name = trimmed(element.substr(0, equals));
    const std::string_view argument =
        equals == element.npos ? std::string_view{} : trimmed(element.substr(equals + 1));
    if (is_named(name, "no-store")) no_store = true;
    else if (is_named(name, "no-cache")) no_cache = true;
    else if (is_named(name, "private")) is_private = true;
    else if (is_named(name, "public") || is_named(name, "must-revalidate")) for_all = true;
    else if (is_named(name, "max-age")) lessen(own_age_, parse_age(argument));
    else if (is_named(name, "s-maxage")) {
      lessen(shared_age_, parse_age(argument));
      for_all = true;
    }
  }
  max_age = shared_age_ ? shared_age_ : own_age_;
}

terms_of_storing read_terms(status s, std::string_view fields, seconds otherwise, std::int64_t now) {
  terms_of_storing terms;
  cache_control control;
  std::optional<seconds> until_expiry;
  bool forbidden = !is_storable(s);
  for_each_field(fields, [&](std::string_view name, std::string_view value, std::string_view) {
    if (is_named(name, "cache-control")) control.add(value);
    else if (is_named(name, "set-cookie")) forbidden = true;
    else if (is_named(name, "vary")) {
      for_each_element(value, [&](std::string_view element) {
        if (element == "*") forbidden = true;
        if (element.empty()) return;
        for (const char c : element) terms.vary += to_lower(c);
        terms.vary += ',';
      });
    } else if (is_named(name, "expires")) {
      // What is no date, as 0 is none, has passed.
      const seconds left{parse_date(value, now).value_or(now) - now};
      lessen(until_expiry, std::clamp(left, seconds{0}, age_max));
    }
  });
  if (forbidden || control.no_store || control.no_cache || control.is_private) return {};
  terms.for_all = control.for_all;
  terms.fresh_for = control.max_age ? *control.max_age : until_expiry.value_or(otherwise);
  return terms;
}

}  // namespace weft::http::detail

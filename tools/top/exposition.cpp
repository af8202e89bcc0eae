#include "exposition.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace {

std::optional<double> number(std::string_view text) {
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// `text` up to `end`, which goes too, as what stands in front of it; none if it is not there.
std::optional<std::string_view> take_until(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  if (at == text.npos) return std::nullopt;
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at + 1);
  return taken;
}

// The value of a label, behind its opening quote.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string value;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"') return value;
    if (c != '\\') {
      value += c;
      continue;
    }
    if (text.empty()) break;
    value += text.front() == 'n' ? '\n' : text.front();
    text.remove_prefix(1);
  }
  return std::nullopt;
}

// name="value",name="value"}
bool take_labels(std::string_view& text, metric_sample& into) {
  while (!text.starts_with('}')) {
    const auto name = take_until(text, '=');
    if (!name || !text.starts_with('"')) return false;
    text.remove_prefix(1);
    auto value = take_quoted(text);
    if (!value) return false;
    into.labels.emplace(*name, std::move(*value));
    if (text.starts_with(',')) text.remove_prefix(1);
  }
  text.remove_prefix(1);
  return true;
}

double bound_of(const metric_sample& bucket) {
  const auto at = bucket.labels.find("le");
  return at == bucket.labels.end() ? NAN : number(at->second).value_or(NAN);
}

}  // namespace

std::optional<exposition> exposition::parse(std::string_view text) {
  exposition out;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty() || line.starts_with('#')) continue;
    const std::string_view name = line.substr(0, line.find_first_of("{ "));
    line.remove_prefix(name.size());
    metric_sample sample;
    if (line.starts_with('{')) {
      line.remove_prefix(1);
      if (!take_labels(line, sample)) return std::nullopt;
    }
    if (!line.starts_with(' ')) return std::nullopt;
    line.remove_prefix(1);
    const std::string_view digits = line.substr(0, line.find(' '));
    const auto value = number(digits);
    if (!value) return std::nullopt;
    line.remove_prefix(digits.size());  // what is left is when that was, if the program says so
    if (!line.empty() && !number(line.substr(1))) return std::nullopt;
    sample.value = *value;
    out.all_[std::string{name}].push_back(std::move(sample));
  }
  return out;
}

const std::vector<metric_sample>& exposition::of(std::string_view name) const {
  static const std::vector<metric_sample> none;
  const auto at = all_.find(name);
  return at == all_.end() ? none : at->second;
}

double exposition::sum(std::string_view name) const {
  double all = 0;
  for (const metric_sample& s : of(name)) all += s.value;
  return all;
}

double exposition::sum(std::string_view name, std::string_view label, std::string_view value) const {
  double all = 0;
  for (const metric_sample& s : of(name))
    if (const auto at = s.labels.find(label); at != s.labels.end() && at->second == value) all += s.value;
  return all;
}

std::optional<double> quantile_between(const exposition& before, const exposition& now,
                                       std::string_view histogram, double share) {
  const std::string name = std::string{histogram} + "_bucket";
  const std::string total = std::string{histogram} + "_count";
  const bool anew = now.sum(total) < before.sum(total);  // as growth() has it
  std::vector<std::pair<double, double>> buckets;        // bound, and how many were counted up to it
  for (const metric_sample& b : now.of(name)) {
    const double count = b.value - (anew ? 0 : before.sum(name, "le", b.labels.at("le")));
    buckets.emplace_back(bound_of(b), count);
  }
  if (buckets.empty() || buckets.back().second <= 0) return std::nullopt;
  for (const auto& [bound, count] : buckets)
    if (count >= share * buckets.back().second) return bound;
  return std::nullopt;
}

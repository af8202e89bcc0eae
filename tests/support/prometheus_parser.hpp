// A strict reader of Prometheus' text exposition format 0.0.4, for tests: refuses what Prometheus refuses,
// and what `promtool check metrics` finds fault with in names.
//
// Every family must have HELP and TYPE, in this order, once, and its samples behind them; no series twice; a
// histogram's buckets must rise, end in +Inf, and agree with its _count. Source:
// prometheus.io/docs/instrumenting/exposition_formats; promlint of client_golang.
#pragma once

#include <unistd.h>

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace weft_test {

struct prometheus_sample {
  std::string suffix;  // of a histogram: _bucket, _sum, _count
  std::map<std::string, std::string> labels;
  double value = 0;
};

struct prometheus_family {
  std::string type;
  std::string help;
  std::vector<prometheus_sample> samples;
};

class prometheus_parser {
 public:
  using families = std::map<std::string, prometheus_family>;

  /// Throws std::runtime_error, with the line, at the first fault.
  static families parse(std::string_view text) {
    prometheus_parser p;
    if (text.empty() || text.back() != '\n') throw std::runtime_error{"the last line does not end"};
    while (!text.empty()) {
      p.line_ = text.substr(0, text.find('\n'));
      text.remove_prefix(p.line_.size() + 1);
      p.read_line();
    }
    p.end_family();
    return std::move(p.all_);
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw std::runtime_error{why + ": " + std::string{line_}};
  }
  void expect(bool holds, const char* why) const {
    if (!holds) refuse(why);
  }

  static bool is_name(std::string_view name, bool of_label) {
    if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
    for (const char c : name) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
      if (!letter && !(c >= '0' && c <= '9') && (of_label || c != ':')) return false;
    }
    return true;
  }

  void read_line() {
    rest_ = line_;
    if (take("# HELP ")) return read_help();
    if (take("# TYPE ")) return read_type();
    expect(!rest_.empty() && rest_[0] != '#', "neither a sample nor HELP nor TYPE");
    read_sample();
  }

  void read_help() {
    end_family();
    const std::size_t space = rest_.find(' ');
    expect(space != rest_.npos, "no help");
    name_ = rest_.substr(0, space);
    expect(is_name(name_, false), "no name of a metric");
    expect(!all_.contains(name_), "a family twice");
    rest_.remove_prefix(space + 1);
    expect(!rest_.empty(), "no help");
    for (std::size_t i = 0; i < rest_.size(); ++i)
      if (rest_[i] == '\\') expect(++i < rest_.size() && (rest_[i] == '\\' || rest_[i] == 'n'), "an escape");
    all_[name_].help = rest_;
  }

  void read_type() {
    expect(take(name_) && take(" "), "TYPE without HELP before it");
    prometheus_family& f = all_[name_];
    expect(f.type.empty() && f.samples.empty(), "TYPE twice, or after samples");
    f.type = rest_;
    expect(f.type == "counter" || f.type == "gauge" || f.type == "histogram", "an unknown type");
    check_name();
  }

  void check_name() {
    const std::string& type = all_[name_].type;
    expect(name_.ends_with("_total") == (type == "counter"), "counters, and no others, end in _total");
    for (const char* const suffix : {"_bucket", "_sum", "_count"})
      expect(!name_.ends_with(suffix), "a name that belongs to histograms");
    for (const char c : name_) expect(!(c >= 'A' && c <= 'Z'), "capitals in a name");
    for (const char* const word :
         {"counter", "gauge", "histogram", "ms", "us", "ns", "kb", "mb", "kib", "mib", "milliseconds",
          "microseconds", "nanoseconds", "minutes", "kilobytes"})
      expect(("_" + name_ + "_").find("_" + std::string{word} + "_") == std::string::npos,
             "a type or no base unit in a name");
  }

  void read_sample() {
    expect(take(name_), "a sample outside its family");
    prometheus_family& f = all_[name_];
    expect(!f.type.empty(), "a sample before its TYPE");
    prometheus_sample s;
    const std::size_t end = rest_.find_first_of("{ ");
    expect(end != rest_.npos, "no value");
    s.suffix = rest_.substr(0, end);
    rest_.remove_prefix(end);
    const bool part = s.suffix == "_bucket" || s.suffix == "_sum" || s.suffix == "_count";
    expect(f.type == "histogram" ? part : s.suffix.empty(), "a sample of another family");
    if (take("{")) read_labels(s);
    expect(take(" "), "no space before the value");
    s.value = number(rest_);
    expect(f.type != "counter" || (s.value >= 0 && std::isfinite(s.value)), "a counter below zero");
    std::string series = name_ + s.suffix;
    for (const auto& [name, value] : s.labels) series.append("\n").append(name).append("=").append(value);
    expect(series_.insert(series).second, "a series twice");
    f.samples.push_back(std::move(s));
  }

  void read_labels(prometheus_sample& s) {
    do {
      const std::size_t at = rest_.find('=');
      expect(at != rest_.npos && is_name(rest_.substr(0, at), true), "no name of a label");
      const std::string label{rest_.substr(0, at)};
      rest_.remove_prefix(at + 1);
      expect(take("\""), "a value without quotes");
      expect(s.labels.emplace(label, quoted()).second, "a label twice");
    } while (take(","));
    expect(take("}"), "labels without an end");
  }

  std::string quoted() {
    std::string value;
    while (!rest_.empty() && rest_[0] != '"') {
      char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == '\\') {
        expect(!rest_.empty() && std::string_view{"\\\"n"}.find(rest_[0]) != std::string_view::npos,
               "an escape");
        c = rest_[0] == 'n' ? '\n' : rest_[0];
        rest_.remove_prefix(1);
      }
      value += c;
    }
    expect(take("\""), "a value without an end");
    return value;
  }

  double number(std::string_view text) const {
    if (text == "+Inf") return std::numeric_limits<double>::infinity();
    if (text == "-Inf") return -std::numeric_limits<double>::infinity();
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    expect(error == std::errc{} && end == text.data() + text.size() && std::isfinite(value), "no number");
    return value;
  }

  // The family at hand is complete.
  void end_family() {
    if (name_.empty()) return;
    const prometheus_family& f = all_[name_];
    line_ = name_;
    expect(!f.type.empty(), "no TYPE");
    if (f.type == "histogram") check_histogram(f);
  }

  void check_histogram(const prometheus_family& f) const {
    double limit = -std::numeric_limits<double>::infinity(), below = 0, count = -1;
    bool has_sum = false;
    for (const prometheus_sample& s : f.samples) {
      if (s.suffix == "_sum") has_sum = true;
      if (s.suffix == "_count") count = s.value;
      if (s.suffix != "_bucket") continue;
      expect(s.labels.size() == 1 && s.labels.contains("le"), "a bucket without its limit alone");
      const double le = number(s.labels.at("le"));
      expect(le > limit && s.value >= below, "buckets do not rise");
      limit = le;
      below = s.value;
    }
    expect(std::isinf(limit) && has_sum && count == below, "a histogram with a part missing");
  }

  bool take(std::string_view what) {
    if (!rest_.starts_with(what)) return false;
    rest_.remove_prefix(what.size());
    return true;
  }

  families all_;
  std::set<std::string> series_;
  std::string name_;  // of the family at hand
  std::string_view line_, rest_;
};

/// The value of the one sample with such a label; throws if there is none.
inline double value_of(const prometheus_parser::families& all, const std::string& family,
                       const std::string& label = "", const std::string& is = "") {
  for (const prometheus_sample& s : all.at(family).samples)
    if (label.empty() || (s.labels.contains(label) && s.labels.at(label) == is)) return s.value;
  throw std::runtime_error{"no such sample of " + family};
}

/// What `promtool check metrics` says, where that is installed; else nothing.
inline std::string complaints_of_promtool(const std::string& text) {
  if (std::system("command -v promtool >/dev/null") != 0) return {};
  char name[] = "weft-metrics-XXXXXX";
  const int fd = ::mkstemp(name);
  if (fd < 0 || ::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) return "no file";
  ::close(fd);
  std::string said;
  if (std::FILE* const out =
          ::popen(("promtool check metrics <" + std::string{name} + " 2>&1").c_str(), "r")) {
    for (int c = 0; (c = std::fgetc(out)) != EOF;) said += static_cast<char>(c);
    if (::pclose(out) != 0 && said.empty()) said = "refused";
  }
  ::unlink(name);
  return said;
}

}  // namespace weft_test

// Prometheus' text format, read: the values of samples by family and labels.
//
// Source: prometheus.io/docs/instrumenting/exposition_formats.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct metric_sample {
  std::map<std::string, std::string, std::less<>> labels;
  double value = 0;
};

class exposition {
 public:
  /// None: a line is not of the format.
  static std::optional<exposition> parse(std::string_view text);

  /// The samples of that name; none if there are none.
  const std::vector<metric_sample>& of(std::string_view name) const;

  /// Their sum; 0 of none.
  double sum(std::string_view name) const;

  /// The sum of those whose `label` is `value`.
  double sum(std::string_view name, std::string_view label, std::string_view value) const;

 private:
  std::map<std::string, std::vector<metric_sample>, std::less<>> all_;
};

/// How far a counter has come. One that has fallen was begun anew, from 0, by another process.
constexpr double growth(double before, double now) { return now < before ? now : now - before; }

/// The upper bound, in seconds, of the bucket that holds the `share` of what a histogram has counted between
/// two texts; none if it counted nothing.
std::optional<double> quantile_between(const exposition& before, const exposition& now,
                                       std::string_view histogram, double share);

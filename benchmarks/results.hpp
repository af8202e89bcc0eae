// What rows were measured to cost: as text, JSON or Markdown, saved, and compared with what was saved.
//
// An outcome is a list of named numbers, of which the first is the one that is compared. A saved result is a
// JSON document with one row per line, so that reading it back takes the form of a line and no parser.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

/// The row whose cost is the machine's alone: a bare switch, written for the purpose.
constexpr std::string_view calibration_row = "calibrate";

/// One row's figures: "cpu_ns_per_op", "p99_ns", "bytes", ... The first is the one that is compared.
struct outcome {
  std::string row;
  std::vector<std::pair<std::string, double>> figures;

  /// 0 if the row has no such figure.
  double operator[](std::string_view figure) const noexcept;
};

/// What a run leaves behind: where and when it was, and what it found.
struct results {
  std::string program, version, cpu, kernel, date;
  std::vector<outcome> rows;

  /// This machine, this minute, no rows.
  static results here_and_now(std::string program, std::string version);

  /// Throws std::runtime_error, which says what is wrong with the file.
  static results load(const std::string& path);
  void save(const std::string& path) const;

  /// The same row of this run; null if there was none.
  const outcome* find(std::string_view row) const noexcept;
};

enum class format { text, json, markdown };
enum class verdict { none, fresh, same, better, worse };

/// How a row did against an earlier run: none, if there is none; fresh, if that did not have the row.
struct change {
  verdict how = verdict::none;
  double before = 0, percent = 0;
};

/// Up to so many percent either way are noise. The calibration row is the same always: if not, it is the
/// machine that changed.
change compared(const outcome& now, const outcome* before, double noise_percent);

/// What stands above the rows: of Markdown the table's head. `comparing`: the rows have a change each.
void print_head(format as, bool comparing);
/// A line of standard output.
void print(const outcome& o, const change& c, format as);

}  // namespace bench

// What pipeline.cpp leaves to its user: where the lines come from, what a row is, and where the rows go.
#include <weft/weft.hpp>

#include <charconv>
#include <cstdio>
#include <string>
#include <vector>

struct row {
  int n;
};

weft::result<std::string> next_line() {
  static int lines = 0;
  if (lines == 1000) return std::unexpected(weft::errc::end_of_stream);
  return std::to_string(++lines);
}

weft::result<row> parse(const std::string& line) {
  row r{};
  if (std::from_chars(line.data(), line.data() + line.size(), r.n).ec != std::errc{})
    return std::unexpected(weft::errc::protocol);
  return r;
}

weft::result<void> flush(std::vector<row>& batch) {
  static int rows = 0;
  static long sum = 0;
  for (const row r : batch) {
    ++rows;
    sum += r.n;
  }
  if (!batch.empty() && rows == 1000) std::printf("%d rows, sum %ld\n", rows, sum);
  batch.clear();
  return {};
}

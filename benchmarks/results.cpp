#include "results.hpp"

#include <cmath>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <regex>
#include <stdexcept>

#include <sys/utsname.h>

namespace bench {
namespace {

std::string cpu_model() {
  std::ifstream info{"/proc/cpuinfo"};
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name"))
      if (const std::size_t colon = line.find(": "); colon != line.npos) return line.substr(colon + 2);
  return "unknown";
}

std::string kernel_release() {
  utsname system;
  return uname(&system) == 0 ? system.release : "unknown";
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  return text;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.7g", value);
  return text;
}

// Names of rows, processors and kernels have nothing that JSON must escape but, if ever, these.
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= ' ') out += c;
  }
  return out += '"';
}

std::string to_json(const outcome& o) {
  std::string out = "{\"name\":" + in_quotes(o.row);
  for (const auto& [figure, value] : o.figures) out += "," + in_quotes(figure) + ":" + number(value);
  return out + "}";
}

std::string head_of(const results& r) {
  return "{\"program\":" + in_quotes(r.program) + ",\"version\":" + in_quotes(r.version) +
         ",\"cpu\":" + in_quotes(r.cpu) + ",\"kernel\":" + in_quotes(r.kernel) +
         ",\"date\":" + in_quotes(r.date) + ",\"rows\":[";
}

std::string unquoted(const std::string& text) {
  return std::regex_replace(text, std::regex{R"(\\(.))"}, "$1");
}

[[noreturn]] void damaged(const std::string& path, int line) {
  throw std::runtime_error(path + ":" + std::to_string(line) + ": damaged: save it again with --save");
}

outcome to_outcome(const std::smatch& line) {
  outcome o{unquoted(line[1]), {}};
  const std::string figures = line[2];
  static const std::regex one{R"re("(\w+)":([^,]+))re"};
  for (std::sregex_iterator f{figures.begin(), figures.end(), one}, end; f != end; ++f)
    o.figures.emplace_back((*f)[1], std::stod((*f)[2]));
  return o;
}

bool is_memory(const outcome& o) { return o.figures.front().first == "bytes"; }
bool has_percentiles(const outcome& o) { return o.figures.front().first == "p50_ns"; }
bool is_of_bytes(const outcome& o) { return o["gigabytes_per_second"] != 0; }

std::string text_of(const change& c, bool memory) {
  if (c.how == verdict::fresh) return "new";
  char percent[32];
  std::snprintf(percent, sizeof percent, "%+.1f %%", c.percent);
  if (c.how == verdict::same) return percent;
  const bool worse = c.how == verdict::worse;
  return std::string{percent} + (memory ? worse ? " larger" : " smaller" : worse ? " slower" : " faster");
}

void print_text(const outcome& o, const change& c) {
  if (is_memory(o)) std::printf("%-32s %12.1f bytes", o.row.c_str(), o["bytes"]);
  else if (is_of_bytes(o))
    std::printf("%-32s %10.2f GB/s   best %8.2f GB/s", o.row.c_str(), o["gigabytes_per_second"],
                1 / o["best_cpu_ns_per_op"]);
  else if (has_percentiles(o))
    std::printf("%-32s p50 %.0f, p90 %.0f, p99 %.0f, p99.9 %.0f, most %.0f ns wall %10.2f ns CPU",
                o.row.c_str(), o["p50_ns"], o["p90_ns"], o["p99_ns"], o["p999_ns"], o["max_ns"],
                o["cpu_ns_per_op"]);
  else
    std::printf("%-32s %10.2f ns CPU %10.2f ns wall %12.0f /s   best %8.2f ns CPU", o.row.c_str(),
                o["cpu_ns_per_op"], o["wall_ns_per_op"], o["ops_per_second"], o["best_cpu_ns_per_op"]);
  if (c.how != verdict::none) std::printf("   %s", text_of(c, is_memory(o)).c_str());
  std::printf("\n");
}

void print_json(const outcome& o, const change& c) {
  std::string line = to_json(o);
  if (c.how != verdict::none) {
    constexpr const char* words[] = {"none", "new", "same", "better", "worse"};
    line.pop_back();
    if (c.how != verdict::fresh)
      line += ",\"before\":" + number(c.before) + ",\"change_percent\":" + number(c.percent);
    line += ",\"change\":" + in_quotes(words[static_cast<int>(c.how)]) + "}";
  }
  std::printf("%s\n", line.c_str());
}

void print_markdown(const outcome& o, const change& c) {
  std::printf("| %s |", o.row.c_str());
  if (is_memory(o)) std::printf(" %.1f bytes | | | |", o["bytes"]);
  else if (is_of_bytes(o))
    std::printf(" %.2f GB/s | %.2f GB/s | | |", o["gigabytes_per_second"], 1 / o["best_cpu_ns_per_op"]);
  else if (has_percentiles(o))
    std::printf(" %.2f ns | %.2f ns | | %.0f / %.0f / %.0f ns |", o["cpu_ns_per_op"], o["best_cpu_ns_per_op"],
                o["p50_ns"], o["p99_ns"], o["p999_ns"]);
  else
    std::printf(" %.2f ns | %.2f ns | %.2f ns | |", o["cpu_ns_per_op"], o["best_cpu_ns_per_op"],
                o["wall_ns_per_op"]);
  if (c.how != verdict::none) std::printf(" %s |", text_of(c, is_memory(o)).c_str());
  std::printf("\n");
}

}  // namespace

double outcome::operator[](std::string_view figure) const noexcept {
  for (const auto& [name, value] : figures)
    if (name == figure) return value;
  return 0;
}

results results::here_and_now(std::string program, std::string version) {
  return {std::move(program), std::move(version), cpu_model(), kernel_release(), utc_now(), {}};
}

results results::load(const std::string& path) {
  // As head_of() and to_json() write them.
  const std::string text = R"re("((?:[^"\\]|\\.)*)")re";
  const std::regex head_line{R"(\{"program":)" + text + R"(,"version":)" + text + R"(,"cpu":)" + text +
                             R"(,"kernel":)" + text + R"(,"date":)" + text + R"(,"rows":\[)"};
  const std::regex row_line{R"(\{"name":)" + text + R"(((?:,"\w+":-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)+)\},?)"};
  std::ifstream in{path};
  if (!in) throw std::runtime_error(path + ": no such result: --save makes one");
  results r;
  std::string line;
  std::smatch found;
  int number = 1;
  if (!std::getline(in, line) || !std::regex_match(line, found, head_line)) damaged(path, number);
  std::string* const into[] = {&r.program, &r.version, &r.cpu, &r.kernel, &r.date};
  for (std::size_t i = 0; i < std::size(into); ++i) *into[i] = unquoted(found[i + 1]);
  while (++number, std::getline(in, line) && line != "]}") {
    if (!std::regex_match(line, found, row_line)) damaged(path, number);
    r.rows.push_back(to_outcome(found));
  }
  if (!in) damaged(path, number);  // it was cut off
  return r;
}

void results::save(const std::string& path) const {
  std::error_code failed;
  std::filesystem::create_directories(std::filesystem::path{path}.parent_path(), failed);
  std::ofstream out{path};
  out << head_of(*this) << '\n';
  for (const outcome& o : rows) out << to_json(o) << (&o == &rows.back() ? "\n" : ",\n");
  out << "]}\n";
  out.close();
  if (!out) throw std::runtime_error(path + ": cannot be written: name another folder with --results");
}

const outcome* results::find(std::string_view row) const noexcept {
  for (const outcome& o : rows)
    if (o.row == row) return &o;
  return nullptr;
}

change compared(const outcome& now, const outcome* before, double noise_percent) {
  if (before == nullptr || before->figures.front().first != now.figures.front().first)
    return {verdict::fresh};
  const double then = before->figures.front().second;
  if (then <= 0) return {verdict::fresh};
  change c{verdict::same, then, (now.figures.front().second / then - 1) * 100};
  if (now.row == calibration_row || std::abs(c.percent) <= noise_percent) return c;
  c.how = c.percent > 0 ? verdict::worse : verdict::better;
  return c;
}

void print_head(format as, bool comparing) {
  if (as != format::markdown) return;
  std::printf("| row | CPU per operation | best | wall | p50 / p99 / p99.9 |%s\n",
              comparing ? " change |" : "");
  std::printf("|---|--:|--:|--:|--:|%s\n", comparing ? "--:|" : "");
}

void print(const outcome& o, const change& c, format as) {
  if (as == format::json) print_json(o, c);
  else if (as == format::markdown) print_markdown(o, c);
  else print_text(o, c);
}

}  // namespace bench

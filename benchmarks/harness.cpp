#include "harness.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace bench {
namespace {

constexpr std::int64_t long_enough_ns =
    60'000'000;  // a tenth of a percent of the clock's reading is far below this

struct row {
  std::string name;
  sample (*measure)(std::uint64_t) = nullptr;
  double (*bytes)() = nullptr;
  row_options options;
};

std::vector<row>& rows() {
  static std::vector<row> all;
  return all;
}

struct figures {
  double cpu_ns = 0;
  double wall_ns = 0;
  double best_cpu_ns = 0;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::uint64_t operations_that_take_long_enough(const row& r) {
  if (r.options.operations != 0) return r.options.operations;
  for (std::uint64_t operations = 64;; operations *= 2) {
    const sample s = r.measure(operations);
    if (s.wall_ns < long_enough_ns / 16) continue;
    const double one = static_cast<double>(s.wall_ns) / static_cast<double>(s.operations);
    return static_cast<std::uint64_t>(static_cast<double>(long_enough_ns) / one) + 1;
  }
}

figures measure(const row& r) {
  const std::uint64_t operations = operations_that_take_long_enough(r);
  std::vector<double> cpu, wall;
  for (int i = 0; i < r.options.repetitions; ++i) {
    const sample s = r.measure(operations);
    cpu.push_back(static_cast<double>(s.cpu_ns) / static_cast<double>(s.operations));
    wall.push_back(static_cast<double>(s.wall_ns) / static_cast<double>(s.operations));
  }
  return {median(cpu), median(wall), *std::min_element(cpu.begin(), cpu.end())};
}

void print(const row& r, bool json) {
  if (r.bytes != nullptr) {
    const double bytes = r.bytes();
    std::printf(json ? "{\"name\":\"%s\",\"bytes\":%.1f}\n" : "%-32s %12.1f bytes\n", r.name.c_str(), bytes);
    return;
  }
  const figures f = measure(r);
  if (json) {
    const int digits = r.options.bytes ? 6 : 3;  // of nanoseconds: a byte takes a few hundredths of one
    std::printf(
        "{\"name\":\"%s\",\"cpu_ns_per_op\":%.*f,\"wall_ns_per_op\":%.*f,\"ops_per_second\":%.0f,"
        "\"best_cpu_ns_per_op\":%.*f,\"repetitions\":%d",
        r.name.c_str(), digits, f.cpu_ns, digits, f.wall_ns, 1e9 / f.wall_ns, digits, f.best_cpu_ns,
        r.options.repetitions);
    if (r.options.bytes) std::printf(",\"gigabytes_per_second\":%.2f", 1 / f.cpu_ns);
    std::printf("}\n");
  } else if (r.options.bytes) {
    std::printf("%-32s %10.2f GB/s   best %8.2f GB/s\n", r.name.c_str(), 1 / f.cpu_ns, 1 / f.best_cpu_ns);
  } else {
    std::printf("%-32s %10.2f ns CPU %10.2f ns wall %12.0f /s   best %8.2f ns CPU\n", r.name.c_str(),
                f.cpu_ns, f.wall_ns, 1e9 / f.wall_ns, f.best_cpu_ns);
  }
}

int usage(std::FILE* to, const char* program) {
  std::fprintf(to,
               "usage: %s [--filter REGEX] [--format text|json] [--list]\n"
               "  --filter REGEX   only the rows whose name contains a match\n"
               "  --format FORMAT  text, or json: one object per row and line (default: text)\n"
               "  --list           print the names of the rows\n",
               program);
  return to == stdout ? 0 : 2;
}

int bad(const char* program, const char* what, std::string_view argument) {
  std::fprintf(stderr, "%s: %s: %.*s (see --help)\n", program, what, static_cast<int>(argument.size()),
               argument.data());
  return 2;
}

}  // namespace

int time_row(const char* name, sample (*measure)(std::uint64_t operations), row_options options) {
  rows().push_back({name, measure, nullptr, options});
  return 0;
}

int memory_row(const char* name, double (*bytes)()) {
  rows().push_back({name, nullptr, bytes, {}});
  return 0;
}

memory memory_now() {
  memory m;
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) m.resident = std::stod(line.substr(6)) * 1024;
    if (line.starts_with("VmPTE:")) m.page_tables = std::stod(line.substr(6)) * 1024;
  }
  return m;
}

int run_rows(int argc, char** argv, const char* program) {
  std::string filter;
  bool json = false, list = false;
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i], value;
    if (argument == "--help" || argument == "-h") return usage(stdout, program);
    if (argument == "--list") {
      list = true;
      continue;
    }
    if (const std::size_t equals = argument.find('='); equals != argument.npos) {
      value = argument.substr(equals + 1);
      argument = argument.substr(0, equals);
    } else if ((argument == "--filter" || argument == "--format") && ++i < argc) {
      value = argv[i];
    } else if (argument == "--filter" || argument == "--format") {
      return bad(program, "needs a value", argument);
    }
    if (argument == "--filter") filter = value;
    else if (argument == "--format" && (value == "text" || value == "json")) json = value == "json";
    else if (argument == "--format") return bad(program, "no such format", value);
    else return bad(program, "unknown flag", argument);
  }

  std::regex wanted;
  try {
    wanted = filter;
  } catch (const std::regex_error&) {
    return bad(program, "not a regular expression", filter);
  }
  std::stable_sort(rows().begin(), rows().end(),
                   [](const row& a, const row& b) { return a.bytes && !b.bytes; });
  int printed = 0;
  for (const row& r : rows()) {
    if (!std::regex_search(r.name, wanted)) continue;
    ++printed;
    if (list) std::printf("%s\n", r.name.c_str());
    else print(r, json);
    std::fflush(stdout);
  }
  return printed != 0 ? 0 : bad(program, "no row matches", filter);
}

}  // namespace bench

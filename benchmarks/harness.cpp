#include "harness.hpp"

#include "results.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <stdexcept>
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
  sample (*measure_each)(std::uint64_t, std::vector<std::int64_t>&) = nullptr;
  double (*bytes)() = nullptr;
  row_options options;
};

std::vector<row>& rows() {
  static std::vector<row> all;
  return all;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::uint64_t operations_that_take_long_enough(const row& r) {
  if (r.options.operations != 0) return r.options.operations;
  for (std::uint64_t operations = 64;; operations *= 2) {
    const sample s = r.measure(operations);
    if (s.operations == 0) return 1;  // measure() tells
    if (s.wall_ns < long_enough_ns / 16) continue;
    const double one = static_cast<double>(s.wall_ns) / static_cast<double>(s.operations);
    return static_cast<std::uint64_t>(static_cast<double>(long_enough_ns) / one) + 1;
  }
}

void add_costs(outcome& o, const row& r, const std::vector<double>& cpu, const std::vector<double>& wall) {
  o.figures.emplace_back("cpu_ns_per_op", median(cpu));
  o.figures.emplace_back("wall_ns_per_op", median(wall));
  o.figures.emplace_back("ops_per_second", 1e9 / median(wall));
  o.figures.emplace_back("best_cpu_ns_per_op", *std::min_element(cpu.begin(), cpu.end()));
  o.figures.emplace_back("repetitions", r.options.repetitions);
  if (r.options.bytes) o.figures.emplace_back("gigabytes_per_second", 1 / median(cpu));
}

void add_percentiles(outcome& o, std::vector<std::int64_t>& each) {
  std::sort(each.begin(), each.end());
  const auto at = [&](double share) {
    return static_cast<double>(each[static_cast<std::size_t>(share * static_cast<double>(each.size() - 1))]);
  };
  o.figures.emplace_back("p50_ns", at(0.5));
  o.figures.emplace_back("p90_ns", at(0.9));
  o.figures.emplace_back("p99_ns", at(0.99));
  o.figures.emplace_back("p999_ns", at(0.999));
  o.figures.emplace_back("max_ns", at(1));
}

outcome measure(const row& r) {
  outcome o{r.name, {}};
  if (r.bytes != nullptr) {
    o.figures.emplace_back("bytes", r.bytes());
    return o;
  }
  const std::uint64_t operations = operations_that_take_long_enough(r);
  std::vector<double> cpu, wall;
  std::vector<std::int64_t> each;
  for (int i = 0; i < r.options.repetitions; ++i) {
    const sample s = r.measure != nullptr ? r.measure(operations) : r.measure_each(operations, each);
    if (s.operations == 0) throw std::runtime_error(r.name + ": did not do what it measures");
    cpu.push_back(static_cast<double>(s.cpu_ns) / static_cast<double>(s.operations));
    wall.push_back(static_cast<double>(s.wall_ns) / static_cast<double>(s.operations));
  }
  if (r.measure_each != nullptr) add_percentiles(o, each);
  add_costs(o, r, cpu, wall);
  return o;
}

int usage(std::FILE* to, const char* program) {
  std::fprintf(
      to,
      "usage: %s [flags]\n"
      "  --filter REGEX        only the rows whose name contains a match\n"
      "  --format FORMAT       text, markdown, or json: one object per row and line (default: text)\n"
      "  --list                print the names of the rows\n"
      "  --save NAME           keep the figures, for a later --compare\n"
      "  --compare NAME        tell what changed since then\n"
      "  --noise PERCENT       how much is no change (default: 5)\n"
      "  --fail-on-regression  exit with 1 if --compare finds a row slower or larger\n"
      "  --results DIR         where NAME.json is kept (default: benchmarks/results)\n",
      program);
  return to == stdout ? 0 : 2;
}

int bad(const char* program, const char* what, std::string_view argument) {
  std::fprintf(stderr, "%s: %s: %.*s (see --help)\n", program, what, static_cast<int>(argument.size()),
               argument.data());
  return 2;
}

struct flags {
  std::string filter, save, compare, noise = "5", results = "benchmarks/results", format = "text";
  bool list = false, fail_on_regression = false, help = false;

  bool* flag(std::string_view name) {
    if (name == "--list") return &list;
    if (name == "--fail-on-regression") return &fail_on_regression;
    return name == "--help" || name == "-h" ? &help : nullptr;
  }
  std::string* value(std::string_view name) {
    if (name == "--filter") return &filter;
    if (name == "--format") return &format;
    if (name == "--save") return &save;
    if (name == "--compare") return &compare;
    if (name == "--noise") return &noise;
    return name == "--results" ? &results : nullptr;
  }

  std::string file(const std::string& name) const { return results + "/" + name + ".json"; }
  enum format printed() const {
    return format == "json" ? format::json : format == "markdown" ? format::markdown : format::text;
  }
  double noise_percent() const { return std::strtod(noise.c_str(), nullptr); }
};

// 0, or the exit status when they make no sense.
int read(flags& given, int argc, char** argv, const char* program) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (bool* const flag = given.flag(argument)) {
      *flag = true;
      continue;
    }
    const std::size_t equals = std::min(argument.find('='), argument.size());
    std::string* const value = given.value(argument.substr(0, equals));
    if (value == nullptr) return bad(program, "unknown flag", argument);
    if (equals < argument.size()) *value = argument.substr(equals + 1);
    else if (++i < argc) *value = argv[i];
    else return bad(program, "needs a value", argument);
  }
  if (given.format != "text" && given.format != "json" && given.format != "markdown")
    return bad(program, "no such format", given.format);
  for (const std::string& name : {given.save, given.compare})
    if (name.find('/') != name.npos) return bad(program, "a name, not a path", name);
  char* end = nullptr;
  if (std::strtod(given.noise.c_str(), &end) < 0 || end == given.noise.c_str() || *end != '\0')
    return bad(program, "no percentage", given.noise);
  if (given.fail_on_regression && given.compare.empty())
    return bad(program, "nothing to compare with", "--fail-on-regression needs --compare");
  return 0;
}

// To standard error, so that what is printed stays a table, or JSON.
void tell(const results& now, const results& before, const std::vector<change>& changes, const flags& given) {
  const auto count = [&](verdict how) {
    return std::count_if(changes.begin(), changes.end(), [how](const change& c) { return c.how == how; });
  };
  std::fprintf(stderr, "%s: against %s (version %s, %s): %td worse, %td better, %td within %s %%, %td new\n",
               now.program.c_str(), given.compare.c_str(), before.version.c_str(), before.date.c_str(),
               count(verdict::worse), count(verdict::better), count(verdict::same), given.noise.c_str(),
               count(verdict::fresh));
  if (before.cpu != now.cpu || before.kernel != now.kernel)
    std::fprintf(stderr, "%s: that was another machine: %s, Linux %s\n", now.program.c_str(),
                 before.cpu.c_str(), before.kernel.c_str());
}

// Runs what matches, or lists it.
int run(const std::regex& wanted, const flags& given, const char* program, const char* version) {
  results now = results::here_and_now(program, version), before;
  const bool comparing = !given.compare.empty();
  if (comparing) before = results::load(given.file(given.compare));
  std::vector<change> changes;
  for (const row& r : rows()) {
    if (!std::regex_search(r.name, wanted)) continue;
    if (given.list) {
      std::printf("%s\n", r.name.c_str());
      now.rows.push_back({r.name, {}});
      continue;
    }
    if (now.rows.empty()) print_head(given.printed(), comparing);
    const outcome& o = now.rows.emplace_back(measure(r));
    changes.push_back(comparing ? compared(o, before.find(r.name), given.noise_percent()) : change{});
    print(o, changes.back(), given.printed());
    std::fflush(stdout);
  }
  if (now.rows.empty()) return bad(program, "no row matches", given.filter);
  if (given.list) return 0;
  if (!given.save.empty()) now.save(given.file(given.save));
  if (!comparing) return 0;
  tell(now, before, changes, given);
  const auto is_worse = [](const change& c) { return c.how == verdict::worse; };
  return given.fail_on_regression && std::any_of(changes.begin(), changes.end(), is_worse) ? 1 : 0;
}

}  // namespace

int time_row(const char* name, sample (*measure)(std::uint64_t operations), row_options options) {
  rows().push_back({name, measure, nullptr, nullptr, options});
  return 0;
}

int latency_row(const char* name,
                sample (*measure)(std::uint64_t operations, std::vector<std::int64_t>& each),
                row_options options) {
  rows().push_back({name, nullptr, measure, nullptr, options});
  return 0;
}

int memory_row(const char* name, double (*bytes)()) {
  const auto is_of_time = [](const row& r) { return r.bytes == nullptr; };
  rows().insert(std::find_if(rows().begin(), rows().end(), is_of_time), {name, nullptr, nullptr, bytes, {}});
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

int run_rows(int argc, char** argv, const char* program, const char* version) {
  flags given;
  if (const int status = read(given, argc, argv, program); status != 0) return status;
  if (given.help) return usage(stdout, program);
  try {
    return run(std::regex{given.filter}, given, program, version);
  } catch (const std::regex_error&) {
    return bad(program, "not a regular expression", given.filter);
  } catch (const std::runtime_error& e) {
    std::fprintf(stderr, "%s: %s\n", program, e.what());
    return 2;
  }
}

}  // namespace bench

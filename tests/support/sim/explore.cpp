#include <sim/explore.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sim/failure.hpp>
#include <sim/record.hpp>
#include <sim/trace.hpp>

namespace weft {
namespace detail {
namespace {

bool in_child = false;

constexpr const char* test_failed = "a check of the test failed";
constexpr int status_failed = 66;
constexpr int seed_seconds = 2;  // of processor time: a loop without a step cannot be seen otherwise

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::size_t trace_length() { return number_from_environment("WEFT_SIM_TRACE", 100); }

void note_failure(const std::string& what) {
  world_record& r = record();
  if (r.what[0] == '\0') std::snprintf(r.what, sizeof r.what, "%s", what.c_str());
}

// Failures of the running test, those included that it had when this process was forked.
int failed_checks() {
  const testing::TestInfo* const test = testing::UnitTest::GetInstance()->current_test_info();
  if (test == nullptr) return 0;
  int failed = 0;
  for (int i = 0; i < test->result()->total_part_count(); ++i)
    failed += test->result()->GetTestPartResult(i).failed();
  return failed;
}

void run_one(std::uint64_t seed, const scenario& run, simulator_options options) {
  std::uint64_t steps = 0;
  {
    sim world{seed, options};
    forget_changes();
    run(world);
    steps = world.steps();
  }
  world_record& r = record();
  r.steps += steps;
  ++r.seeds_done;
}

[[noreturn]] void child(std::uint64_t first, std::uint64_t last, const scenario& run,
                        simulator_options options, bool silent) {
  in_child = true;
  if (silent) {
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
  }
  const int failed_before = failed_checks();
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const itimerval limit{.it_interval = {}, .it_value = {.tv_sec = seed_seconds, .tv_usec = 0}};
    setitimer(ITIMER_PROF, &limit, nullptr);
    run_one(seed, run, options);
    if (testing::Test::HasFailure() && failed_checks() != failed_before) {
      note_failure(test_failed);
      std::fflush(stdout);
      _exit(status_failed);
    }
  }
  std::fflush(stdout);
  _exit(0);
}

// Waits for the child's end. False: it came to no end of a seed for so long, and has been killed. By the
// parent, because a child that has lost its way may keep its signals back.
bool wait_for_end(pid_t pid, unsigned hang_seconds, int& status) {
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  bool moves = handle >= 0;
  for (std::uint64_t before = record().seeds_done; moves;) {
    pollfd end{.fd = handle, .events = POLLIN, .revents = 0};
    const int ready = poll(&end, 1, static_cast<int>(hang_seconds * 1000));
    if (ready > 0) break;
    if (ready == 0) moves = before != std::exchange(before, record().seeds_done);
  }
  if (!moves) kill(pid, SIGKILL);
  if (handle >= 0) close(handle);
  return waitpid(pid, &status, 0) == pid && moves;
}

// Runs the seeds in a child process; a failure as the record has it.
std::optional<finding> run_in_child(std::uint64_t first, std::uint64_t last, const scenario& run,
                                    simulator_options options, bool silent) {
  clear_record();
  std::fflush(stdout);
  std::fflush(stderr);
  const pid_t pid = fork();
  if (pid == 0) child(first, last, run, options, silent);
  int status = 0;
  if (pid < 0) return finding{0, "cannot fork"};
  if (!wait_for_end(pid, options.hang_seconds, status)) note_failure("hangs, without a step");
  else if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  else if (WIFSIGNALED(status))
    note_failure(WTERMSIG(status) == SIGPROF ? "hangs, without a step"
                                             : std::string{"died: "} + strsignal(WTERMSIG(status)));
  else if (WEXITSTATUS(status) != status_failed) note_failure("left the process");
  return finding{record().seed, record().what};
}

std::string report_text(std::uint64_t seed, const std::string& what, std::size_t steps) {
  return "sim: seed " + std::to_string(seed) + " failed: " + what + "\nlast steps:\n" +
         trace_text(steps, what == test_failed) + "replay: WEFT_SIM_SEED=" + std::to_string(seed);
}

}  // namespace

void report_failure(simulator& world) {
  const std::string what = world.failure + '\n' + world.describe_threads();
  note_failure(what);
  if (in_child) {
    std::fflush(stdout);
    _exit(status_failed);
  }
  ADD_FAILURE() << report_text(world.seed, what, trace_on ? trace_length() : 0);
  throw sim_failure{world.failure};
}

}  // namespace detail

exploration find_failure(std::uint64_t seeds, const scenario& run, simulator_options options) {
  exploration done;
  done.failure = detail::run_in_child(1, seeds, run, options, /*silent=*/true);
  done.seeds = detail::record().seeds_done;
  done.steps = detail::record().steps;
  return done;
}

exploration explore(std::uint64_t seeds, const scenario& run, simulator_options options) {
  using namespace detail;
  if (const std::uint64_t seed = number_from_environment("WEFT_SIM_SEED", 0); seed != 0) {
    set_trace(true);
    clear_record();
    try {
      run_one(seed, run, options);
      if (testing::Test::HasFailure()) ADD_FAILURE() << report_text(seed, test_failed, trace_length());
    } catch (const sim_failure&) {}
    set_trace(false);
    return {};
  }
  exploration done = find_failure(number_from_environment("WEFT_SIM_SEEDS", seeds), run, options);
  if (!done.failure) return done;
  const std::uint64_t seed = done.failure->seed;
  set_trace(true);
  std::optional<finding> again = run_in_child(seed, seed, run, options, /*silent=*/false);
  const bool alone = again.has_value();
  // What the seeds before have left in memory may be a part of it: of a use after free, say.
  if (!alone) again = run_in_child(1, seed, run, options, /*silent=*/false);
  set_trace(false);
  std::string what = again ? again->what : done.failure->what + " (but not when replayed)";
  if (!alone) what += "\nonly after the seeds before it: WEFT_SIM_SEED alone will not show it";
  ADD_FAILURE() << report_text(seed, what, trace_length());
  return done;
}

namespace {

using detail::surveyed_site;

// The operations of `part` that some seed passes through.
std::vector<surveyed_site> survey(const code& part, std::uint64_t seeds, const scenario& run,
                                  simulator_options options) {
  detail::set_survey(true);
  const auto failure =
      detail::run_in_child(1, std::min<std::uint64_t>(seeds, 500), run, options, /*silent=*/true);
  detail::set_survey(false);
  if (failure) ADD_FAILURE() << "unmutated, seed " << failure->seed << " fails: " << failure->what;
  std::vector<surveyed_site> found;
  const detail::world_record& r = detail::record();
  for (std::size_t i = 0; i < r.sites_count; ++i)
    if (const std::source_location& site = r.sites[i].site;
        std::string_view{site.file_name()}.ends_with(part.file) &&
        std::string_view{site.function_name()}.find(part.function) != std::string_view::npos)
      found.push_back(r.sites[i]);
  return found;
}

// The compiler wrote the path as it was told it: relative to the build directory.
std::string line_of(const std::source_location& site) {
  const bool absolute = site.file_name()[0] == '/';
  std::ifstream file{absolute ? site.file_name() : std::string{WEFT_SIM_BUILD_ROOT "/"} + site.file_name()};
  std::string line;
  for (unsigned i = 0; i < site.line(); ++i) std::getline(file, line);
  return line.substr(std::min(line.find_first_not_of(' '), line.size()));
}

const exemption* find_exemption(const std::vector<exemption>& exempt, const std::string& line,
                                mutation::change how, detail::step_kind kind) {
  for (const exemption& e : exempt)
    if (e.how == how && (e.kind == kind || e.kind == detail::step_kind::none) &&
        line.find(e.text) != std::string::npos)
      return &e;
  return nullptr;
}

void show(const std::string& mutation, const exploration& e) {
  const std::string outcome = !e.failure ? "not noticed"
                                         : "seed " + std::to_string(e.failure->seed) + ", " +
                                               e.failure->what.substr(0, e.failure->what.find('\n'));
  std::printf("%s\n    %s\n", mutation.c_str(), outcome.c_str());
}

}  // namespace

void expect_mutations_found(const code& part, std::uint64_t seeds, const scenario& run,
                            const std::vector<exemption>& exempt, simulator_options options) {
  using change = mutation::change;
  std::vector<unsigned> used(exempt.size());
  const std::vector<surveyed_site> sites = survey(part, seeds, run, options);
  ASSERT_FALSE(sites.empty()) << "the scenario never passes through " << part.file << ' ' << part.function;
  for (const surveyed_site& s : sites) {
    for (const change how : {change::drop, change::tear}) {
      if (!(how == change::drop ? detail::can_drop(s.kind) : detail::can_tear(s.kind))) continue;
      const scoped_mutation mutated{{std::string{part.file}, s.site.line(), s.site.column(), how}};
      const std::string line = line_of(s.site);
      const exemption* const excuse = find_exemption(exempt, line, how, s.kind);
      const exploration e = find_failure(excuse != nullptr ? seeds / 10 : seeds, run, options);
      const std::string name = detail::place_of(s.site) + ' ' + detail::to_string(s.kind) +
                               (how == change::drop ? " dropped: " : " torn: ") + line;
      if (std::getenv("WEFT_SIM_VERBOSE") != nullptr) show(name, e);
      if (excuse != nullptr) ++used[static_cast<std::size_t>(excuse - exempt.data())];
      if (!e.failure && excuse == nullptr) ADD_FAILURE() << "no seed of " << seeds << " noticed: " << name;
      if (e.failure && excuse != nullptr && !excuse->by_address)
        ADD_FAILURE() << "noticed by seed " << e.failure->seed << ", but exempt (" << excuse->reason
                      << "): " << name;
    }
  }
  for (std::size_t i = 0; i < exempt.size(); ++i)
    EXPECT_GT(used[i], 0u) << "an exemption matches nothing: " << exempt[i].text << ", " << exempt[i].reason;
}

}  // namespace weft

// weft-doctor: what this machine supports, found by trial, and which limits will bite; for each shortage what
// it costs and the command that mends it.
//
//     weft-doctor --format json
//
// The exit status is 0 however ill the machine is: weft runs on all of them, only less well.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "accept_trial.hpp"
#include "stack_advice.hpp"

#include <weft/config.hpp>
#include <weft/io/probe.hpp>
#include <weft/pools/guard.hpp>
#include <weft/runtime/base/byte_kernels.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/base/json_writer.hpp>
#include <weft/runtime/cpus.hpp>
#include <weft/runtime/poller.hpp>

namespace {

using weft::detail::io_support;

// What weft would like to have, and where these numbers come from.
constexpr std::uint64_t descriptors_wanted = 65'536;  // 10,000 connections and room to grow: a guess
constexpr std::uint64_t descriptors_reserved = 64;    // rings, listeners, logs: a guess
constexpr std::uint64_t backlog_wanted = 4096;        // listen_options::backlog
constexpr std::uint64_t mappings_wanted = 65'530;     // the kernel's own default
constexpr std::uint64_t parked_fiber_bytes = 4400;    // one page of stack, its control block, its page table
constexpr std::int64_t clock_slow_ns = 150;           // a vDSO clock takes 22 ns, a system call over 200

struct finding {
  std::string name;
  std::string value;
  std::string costs;   // empty: all is well
  std::string remedy;  // the command that mends it, and where that is not all, what else in parentheses

  bool well() const { return costs.empty(); }
};

std::string first_line(const char* path) {
  std::ifstream file{path};
  std::string line;
  std::getline(file, line);
  return line;
}

// The number in a file of /proc or /sys; `otherwise` if there is none ("max", or no such file).
std::uint64_t number_in(const char* path, std::uint64_t otherwise) {
  const std::string line = first_line(path);
  char* end = nullptr;
  const std::uint64_t value = std::strtoull(line.c_str(), &end, 10);
  return end == line.c_str() ? otherwise : value;
}

std::string count(std::uint64_t n) { return std::to_string(n); }

std::string limit(rlim_t value) { return value == RLIM_INFINITY ? "unlimited" : count(value); }

std::string mebibytes(std::uint64_t bytes) { return count(bytes >> 20) + " MiB"; }

// A kernel is mended by another one; Debian's command stands for all.
std::string newer_kernel(std::string_view version) {
  return "apt-get install linux-image-$(dpkg --print-architecture) && reboot (Linux " + std::string{version} +
         " or later)";
}

constexpr const char* more_locked_memory = "ulimit -l unlimited (or LimitMEMLOCK=infinity in the unit)";

// What mends that io_uring, or a part of it, fails with `error`.
std::string ring_remedy(int error) {
  switch (error) {
    case ENOMEM: return more_locked_memory;
    case EMFILE: return "ulimit -n 65536 (or LimitNOFILE=65536 in the unit)";
    case ENFILE: return "sysctl -w fs.file-max=1048576";
    case EPERM:
      if (number_in("/proc/sys/kernel/io_uring_disabled", 0) != 0)
        return "sysctl -w kernel.io_uring_disabled=0";
      [[fallthrough]];
    case EACCES:
      return "docker run --security-opt seccomp=unconfined (or a seccomp profile that allows io_uring_setup, "
             "io_uring_enter and io_uring_register)";
    case ENOSYS:
      return newer_kernel("6.1") + "; if a container hides it: docker run --security-opt seccomp=unconfined";
    default: return newer_kernel("6.1");
  }
}

finding context() {
#if WEFT_CONTEXT_BOOST
  const std::string costs = "a switch takes about 4 ns more than weft's own assembly";
  return {"context", "Boost.Context", costs,
          "meson configure build -Dcontext=asm && ninja -C build (x86-64 and aarch64 only)"};
#else
  return {"context", "assembly", "", ""};
#endif
}

finding guards() {
  using weft::guard_kind;
  if (weft::detail::guard_works(guard_kind::page_table)) return {"guards", "page_table", "", ""};
  if (weft::detail::guard_works(guard_kind::mprotect)) {
    const std::string stacks = count(weft::detail::mprotect_guards_max());
    return {"guards", "mprotect",
            "each stack takes two mappings: after " + stacks +
                " stacks the others are guarded by a canary, which tells of an overflow only afterwards",
            "sysctl -w vm.max_map_count=2097152 (and for good, a kernel from Linux 6.13 on)"};
  }
  return {"guards", "canary", "an overflow of a stack is noticed only when the stack comes back",
          "no command: mprotect only pretends here, as in an emulator; run on the machine itself"};
}

finding backend(const io_support& io) {
  const char* forced = std::getenv("WEFT_BACKEND");
  if (forced != nullptr) {
    const std::string value = std::string{forced} + " (by WEFT_BACKEND; otherwise " + io.chosen + ")";
    if (std::string_view{forced} != "uring" || io.ring_works()) return {"backend", value, "", ""};
    return {"backend", value, "nothing starts: io_uring does not work here", "unset WEFT_BACKEND"};
  }
  if (io.chosen == std::string_view{"io_uring"}) return {"backend", io.chosen, "", ""};
  if (io.ring_works())
    return {"backend", io.chosen, "a system call for each operation, and a thread pool for files",
            "no command: under valgrind a ring that sleeps would stop all threads"};
  return {"backend", io.chosen,
          "a system call for each operation, and a thread pool for files: io_uring is " +
              std::string{io.ring_reason},
          ring_remedy(io.ring_error)};
}

finding vectors() {
  using namespace weft;
  const std::string in_use{simd::name(simd::in_use())};
  if (!simd::refused().empty())
    return {"simd", in_use, "not what was asked for: " + std::string{simd::refused()},
            "unset WEFT_SIMD (or name another)"};
  const auto best = detail::choose_byte_kernels("", detail::read_cpu_features()).table->level;
  if (best == simd::in_use()) return {"simd", in_use, "", ""};
  return {"simd", in_use + " (by WEFT_SIMD; otherwise " + std::string{simd::name(best)} + ")", "", ""};
}

// The setup flags, or the operations, of io_uring: one line if all work, else one for each that does not.
template <class Trials>
void trials(std::vector<finding>& to, const std::string& name, const Trials& tried) {
  std::string working;
  for (const weft::detail::io_trial& t : tried) {
    if (t.works()) working += (working.empty() ? "" : ", ") + std::string{t.name};
    else to.push_back({name, std::string{t.name} + " does not work", t.without, ring_remedy(t.error)});
  }
  if (!working.empty()) to.push_back({name, working, "", ""});
}

void ring(std::vector<finding>& to, const io_support& io) {
  trials(to, "io_uring setup", io.setup_flags);
  if (!io.ring_works()) return;
  trials(to, "io_uring operations", io.operations);
  const int accept_error = weft_doctor::try_multishot_accept();
  if (accept_error == 0) to.push_back({"io_uring accept", "multishot", "", ""});
  else
    to.push_back({"io_uring accept", "no multishot: " + std::system_category().message(accept_error),
                  "listeners get no connections: use WEFT_BACKEND=epoll until it does",
                  ring_remedy(accept_error)});
  finding depth{"io_uring depth",
                count(io.ring_depth) + " submissions, " + count(io.completions) + " completions", "", ""};
  if (io.ring_depth < weft::detail::poller_options{}.queue_depth) {
    depth.costs = "more system calls under load: the kernel had no memory for a deeper ring";
    depth.remedy = more_locked_memory;
  }
  to.push_back(depth);
  if (!io.descriptor_registered)
    to.push_back(
        {"io_uring descriptor", "not registered", "a little more CPU per system call", newer_kernel("5.18")});
  if (!io.threads_bounded)
    to.push_back({"io_uring threads", "not bounded", "the kernel may start many threads for blocking work",
                  newer_kernel("5.15")});
}

finding pwait2(const io_support& io) {
  if (io.epoll_pwait2) return {"epoll_pwait2", "works", "", ""};
  return {"epoll_pwait2", "does not work", "with epoll, sleeps end up to a millisecond late",
          newer_kernel("5.11")};
}

finding descriptors() {
  rlimit now{};
  getrlimit(RLIMIT_NOFILE, &now);
  finding f{"nofile", limit(now.rlim_cur) + " (hard limit " + limit(now.rlim_max) + ")", "", ""};
  if (now.rlim_cur >= descriptors_wanted) return f;
  const std::uint64_t connections =
      now.rlim_cur > descriptors_reserved ? now.rlim_cur - descriptors_reserved : 0;
  f.costs = "about " + count(connections) + " connections at a time; more wait until one closes";
  f.remedy = now.rlim_max > now.rlim_cur
                 ? "ulimit -n " + count(std::min<std::uint64_t>(now.rlim_max, 1'048'576))
                 : "prlimit --nofile=1048576 --pid $$ (as root; or LimitNOFILE=1048576 in the unit)";
  return f;
}

finding locked_memory(const io_support& io) {
  rlimit now{};
  getrlimit(RLIMIT_MEMLOCK, &now);
  finding f{"memlock", limit(now.rlim_cur) + " bytes", "", ""};
  if (io.ring_error != ENOMEM) return f;
  f.costs = "no ring fits, so epoll is used";
  f.remedy = more_locked_memory;
  return f;
}

finding mappings() {
  const std::uint64_t max = number_in("/proc/sys/vm/max_map_count", mappings_wanted);
  finding f{"max_map_count", count(max), "", ""};
  if (max >= mappings_wanted) return f;
  f.costs = "fewer stacks with a guard page where guards are by mprotect, and fewer arenas";
  f.remedy = "sysctl -w vm.max_map_count=" + count(mappings_wanted);
  return f;
}

finding backlog() {
  const std::uint64_t max = number_in("/proc/sys/net/core/somaxconn", backlog_wanted);
  finding f{"somaxconn", count(max), "", ""};
  if (max >= backlog_wanted) return f;
  f.costs = "of a burst of new connections, those beyond " + count(max) +
            " are dropped and try again a second later";
  f.remedy = "sysctl -w net.core.somaxconn=" + count(backlog_wanted);
  return f;
}

// The directory of the process's own in the unified hierarchy; the mount, for the root and for cgroups of
// version 1.
std::string own_cgroup() {
  const weft::detail::cgroup_files at;
  std::ifstream file{at.membership};
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("0::") && line != "0::/") return at.mount + line.substr(3);
  return at.mount;
}

// `cgroup`: the directory of the one to judge; empty: the process's own.
finding processors(const std::string& cgroup) {
  const unsigned allowed = weft::detail::affinity_cpus();
  const unsigned quota =
      cgroup.empty() ? weft::detail::cgroup_cpus() : weft::detail::quota_of_cgroup(cgroup.c_str());
  const long there = sysconf(_SC_NPROCESSORS_ONLN);
  finding f{"cpus",
            count(weft::detail::usable_cpus(quota)) + " workers (online " + std::to_string(there) +
                ", affinity " + count(allowed) + ", cgroup " + (quota == 0 ? "unlimited" : count(quota)) +
                ")",
            "", ""};
  if (quota != 0 && quota < allowed) {
    f.costs =
        "the cgroup's quota allows fewer CPUs than there are: all of them stop together once it is used up";
    f.remedy = "echo max > " + (cgroup.empty() ? own_cgroup() : cgroup) +
               "/cpu.max (as root; or docker update --cpus=" + count(allowed) +
               " CONTAINER, or CPUQuota= in the unit)";
  }
  return f;
}

finding memory() {
  const std::uint64_t machine =
      static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const std::uint64_t bytes = std::min(machine, number_in("/sys/fs/cgroup/memory.max", machine));
  return {"memory",
          mebibytes(bytes) + ", room for about " + count(bytes / parked_fiber_bytes / 1000) +
              ",000 parked fibers",
          "", ""};
}

finding overcommit() {
  const std::uint64_t mode = number_in("/proc/sys/vm/overcommit_memory", 0);
  if (mode != 2) return {"overcommit", count(mode), "", ""};
  return {"overcommit", "2 (strict)", "address space for stacks counts as memory: far fewer fibers fit",
          "sysctl -w vm.overcommit_memory=0"};
}

// The fastest of some readings: the others were interrupted.
finding clock_cost() {
  constexpr int readings = 1000;
  std::int64_t best = INT64_MAX;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const std::int64_t start = weft::detail::steady_ns();
    for (int i = 0; i < readings; ++i) (void)weft::detail::steady_ns();
    best = std::min(best, (weft::detail::steady_ns() - start) / readings);
  }
  const std::string source = first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  finding f{
      "clock",
      source + (source.empty() ? "" : ", ") + count(static_cast<std::uint64_t>(best)) + " ns per reading", "",
      ""};
  if (best < clock_slow_ns) return f;
  f.costs = "each reading is a system call: deadlines and timers cost more";
  f.remedy =
      "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource (or another one that the "
      "vDSO can read)";
  return f;
}

std::vector<finding> examine(const std::string& cgroup) {
  const io_support io = weft::detail::probe_io();
  std::vector<finding> found{context(), vectors(), guards(), backend(io)};
  ring(found, io);
  for (finding& f : std::vector{pwait2(io), descriptors(), locked_memory(io), mappings(), backlog(),
                                processors(cgroup), memory(), overcommit(), clock_cost()})
    found.push_back(std::move(f));
  return found;
}

std::string quoted(std::string_view text) {
  std::string out;
  weft::detail::append_json_string(out, text);
  return out;
}

void print_json(const utsname& system, const std::vector<finding>& found) {
  std::printf("{\"weft\":%s,\"kernel\":%s,\"machine\":%s,\"findings\":[", quoted(WEFT_VERSION).c_str(),
              quoted(system.release).c_str(), quoted(system.machine).c_str());
  const char* separator = "\n";
  for (const finding& f : found) {
    std::printf("%s{\"name\":%s,\"value\":%s,\"ok\":%s", separator, quoted(f.name).c_str(),
                quoted(f.value).c_str(), f.well() ? "true" : "false");
    if (!f.well())
      std::printf(",\"costs\":%s,\"remedy\":%s", quoted(f.costs).c_str(), quoted(f.remedy).c_str());
    std::printf("}");
    separator = ",\n";
  }
  std::printf("\n]}\n");
}

void print_text(const utsname& system, const std::vector<finding>& found) {
  std::printf("weft %s on Linux %s, %s\n\n", WEFT_VERSION, system.release, system.machine);
  std::size_t shortages = 0;
  for (const finding& f : found) {
    std::printf("%-6s %-20s %s\n", f.well() ? "ok" : "SHORT", f.name.c_str(), f.value.c_str());
    if (f.well()) continue;
    ++shortages;
    std::printf("         costs: %s\n         mend:  %s\n", f.costs.c_str(), f.remedy.c_str());
  }
  if (shortages == 0) std::printf("\nNothing is short.\n");
  else std::printf("\n%zu short.\n", shortages);
}

int usage(std::FILE* to) {
  std::fprintf(
      to,
      "usage: weft-doctor [--format text|json] [--cgroup DIRECTORY | --stacks FILE]\n"
      "Prints what this machine supports, which limits will bite, and what mends them.\n"
      "  --format FORMAT     text (the default) or json\n"
      "  --cgroup DIRECTORY  judge the CPU quota of this cgroup instead of one's own\n"
      "  --stacks FILE       instead: which stack class suits the fibers of each spawn site, by what\n"
      "                      WEFT_STACK_CENSUS=FILE has counted in a run of the program\n"
      "  --version           print the version of weft\n"
      "  --help              print this\n");
  return 0;
}

int bad(std::string_view what, std::string_view argument) {
  std::fprintf(stderr, "weft-doctor: %.*s: %.*s (see --help)\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(argument.size()), argument.data());
  return 2;
}

// The value of the flag `name`, if argv[i] is that, with its value behind it or after a `=`; null: it is
// another, or the value is missing.
const char* value_of(std::string_view name, int argc, char** argv, int& i) {
  const std::string_view argument = argv[i];
  if (argument == name) return i + 1 < argc ? argv[++i] : nullptr;
  if (!argument.starts_with(name) || argument[name.size()] != '=') return nullptr;
  return argv[i] + name.size() + 1;
}

int advise_on_stacks(const char* census, bool json) {
  const auto all = read_stack_census(census);
  if (!all) return bad("not a stack census", census);
  if (json) print_stacks_json(*all);
  else print_stacks_text(*all);
  return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  bool json = false;
  std::string cgroup;
  const char* census = nullptr;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") return usage(stdout);
    if (argument == "--version") return std::puts(WEFT_VERSION) < 0 ? 1 : 0;
    if (const char* const format = value_of("--format", argc, argv, i)) {
      json = format == std::string_view{"json"};
      if (!json && format != std::string_view{"text"}) return bad("no such format, text or json", format);
    } else if (const char* const directory = value_of("--cgroup", argc, argv, i)) {
      cgroup = directory;
      if (access(directory, X_OK) != 0) return bad("no such directory", directory);
    } else if (const char* const file = value_of("--stacks", argc, argv, i)) {
      census = file;
    } else if (argument == "--stacks") {
      return bad("needs a value, the file of a stack census", argument);
    } else if (argument == "--format") {
      return bad("needs a value, text or json", argument);
    } else if (argument == "--cgroup") {
      return bad("needs a value, the directory of a cgroup", argument);
    } else {
      return bad("unknown flag", argument);
    }
  }
  if (census != nullptr) return advise_on_stacks(census, json);
  utsname system{};
  uname(&system);
  const std::vector<finding> found = examine(cgroup);
  if (json) print_json(system, found);
  else print_text(system, found);
  return std::fflush(stdout) == 0 ? 0 : 1;
}

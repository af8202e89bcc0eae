// weft-top: what a running weft program does, live in a terminal.
//
//   weft-httpd --debug-pages & weft-top              looks at 127.0.0.1:8080
//   weft-top unix:/run/service.debug                 at the debug pages behind a unix socket
//   weft-top --once                                  one page of text
//   weft-top --once --format json                    the same for scripts
//
// It asks the process's /debug/metrics and /debug/fibers (http::debug_pages). Keys: q ends it, p pauses it.
// Rates and latencies are those of the last interval; latencies are the bounds of histogram buckets. The
// busiest fibers are told of programs that set options.fiber_times.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <unistd.h>

#include <weft/config.hpp>
#include <weft/runtime/runtime.hpp>

#include "flags.hpp"
#include "top/report.hpp"
#include "top/screen.hpp"
#include "top/source.hpp"

namespace {

struct settings {
  std::string at = "127.0.0.1:8080";
  std::string prefix = "/debug";
  double interval = 1;  // seconds
  bool once = false;
  bool json = false;
};

int usage() {
  std::fputs(
      "usage: weft-top [flags] [AT]\n"
      "  AT                  ADDRESS:PORT or unix:PATH of a program with debug pages (127.0.0.1:8080)\n"
      "  --prefix PATH       where its debug pages are (/debug)\n"
      "  --interval SECONDS  between two looks (1)\n"
      "  --once              looks twice, says what happened in between, and ends\n"
      "  --format NAME       with --once: text or json (text)\n"
      "  --help, --version\n",
      stdout);
  return 0;
}

int refuse(const std::string& what) {
  std::fprintf(stderr, "weft-top: %s\n", what.c_str());
  return 2;
}

std::optional<int> apply(const std::string& flag, const std::string& value, settings& s) {
  if (flag == "--prefix" && value.starts_with('/')) return s.prefix = value, std::nullopt;
  if (flag == "--format" && (value == "text" || value == "json"))
    return s.json = value == "json", std::nullopt;
  if (flag == "--interval") {
    const auto seconds = number(value, 0.1, 3600.0);
    s.interval = seconds.value_or(s.interval);
    if (seconds) return std::nullopt;
    return refuse("--interval " + value + ": not a number of seconds from 0.1 to 3600");
  }
  if (flag == "--prefix") return refuse("--prefix " + value + ": not a path that begins with /");
  return refuse("--format " + value + ": not text or json");
}

// The exit status if the flags end the program.
std::optional<int> parse(int argc, char** argv, settings& s) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--help" || argument == "-h") return usage();
    if (argument == "--version") return std::puts("weft-top " WEFT_VERSION), 0;
    if (argument == "--once") {
      s.once = true;
    } else if (argument == "--prefix" || argument == "--interval" || argument == "--format") {
      if (i + 1 == argc) return refuse(argument + " needs a value (see --help)");
      if (const auto status = apply(argument, argv[++i], s)) return status;
    } else if (argument.starts_with('-')) {
      return refuse("unknown flag " + argument + " (see --help)");
    } else {
      s.at = argument;
    }
  }
  if (s.json && !s.once) return refuse("--format json needs --once: a script wants an end");
  return std::nullopt;
}

// Two looks, an interval apart.
class observer {
 public:
  explicit observer(const settings& s) : interval_{s.interval}, source_{s.at, s.prefix}, at_{s.at} {}

  /// What happened since the last time; of the first time, none and no error.
  std::expected<std::optional<report>, std::string> look() {
    auto now = runtime_.block_on([this] { return source_.look(); });
    if (!now) return std::unexpected(std::move(now.error()));
    std::optional<report> out;
    if (last_) {
      out = compare(*last_, *now);
      if (!out) return std::unexpected(at_ + " answers what this weft-top does not know: another version?");
    }
    last_ = std::move(*now);
    return out;
  }

  std::chrono::duration<double> interval() const { return interval_; }

 private:
  const std::chrono::duration<double> interval_;
  weft::runtime runtime_{{.workers = 1}};
  debug_source source_;
  const std::string at_;
  std::optional<observation> last_;
};

int once(const settings& s) {
  observer from{s};
  std::expected<std::optional<report>, std::string> seen;
  while ((seen = from.look()) && !*seen) std::this_thread::sleep_for(from.interval());
  if (!seen) return refuse(seen.error());
  constexpr std::size_t all = 1'000'000;
  const std::string text = s.json ? json_of(**seen) : text_of(**seen, all, all);
  return std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0 ? 0 : refuse("cannot write");
}

// Until q. A process that goes away is waited for.
int live(const settings& s) {
  observer from{s};
  if (auto first = from.look(); !first) return refuse(first.error());
  screen terminal;
  bool paused = false;
  std::string text = "looking ...";
  std::optional<report> last;
  for (;;) {
    const std::string about =
        last ? ", " + last->backend + ", " + std::to_string(last->workers.size()) + " workers" : "";
    terminal.show("weft-top " + s.at + about + (paused ? "   PAUSED" : "") + "   q: quit  p: pause", text);
    const std::optional<int> key = terminal.key(from.interval());
    if (key == 'q') return 0;
    if (key == 'p') paused = !paused;
    if (!paused && (!key || key == 'p')) {  // another: the size has changed, say
      auto seen = from.look();
      if (!seen) text = seen.error();
      else if (*seen) last = std::move(*seen);
      if (!seen) continue;
    }
    if (last) text = text_of(*last, terminal.columns(), terminal.rows());
  }
}

}  // namespace

int main(int argc, char** argv) {
  settings s;
  if (const auto status = parse(argc, argv, s)) return *status;
  if (s.once) return once(s);
  if (::isatty(STDOUT_FILENO) == 0 || ::isatty(STDIN_FILENO) == 0)
    return refuse("standard input and output are no terminal: use --once");
  return live(s);
}

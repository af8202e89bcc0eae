// weft-load: puts an HTTP or an echo server under load, and tells how fast it answers.
//
//   weft-load http://127.0.0.1:8080/                             10 connections, as fast as answers come
//   weft-load --connections 100 --rate 20000 http://127.0.0.1:8080/      20,000 requests per second
//   weft-load --endpoint unix:/run/demo http://localhost/        through a unix socket
//   weft-load --bytes 1024 echo://127.0.0.1:7000                 what goes there must come back
//   weft-load --format json http://127.0.0.1:8080/               the same for scripts
//
// Without --rate a connection sends its next request when the last one has been answered (closed loop): that
// finds how much the server can do, but a server that stalls is asked nothing meanwhile, and its latencies
// look better than what its users would see. With --rate, requests are due at a constant rate, and latencies
// count from when they were due (open loop): they tell what users wait for. Percentiles are at most 1/32 too
// long. Ctrl-C ends the run and prints what has been measured. Status 0: something was answered; 1: nothing
// was; 2: it could not begin.
#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sys/resource.h>
#include <unistd.h>

#include <weft/config.hpp>
#include <weft/runtime/runtime.hpp>

#include "flags.hpp"
#include "load/load_plan.hpp"
#include "load/load_run.hpp"
#include "load/report.hpp"
#include "load/target.hpp"

namespace {

// Bytes of one write. Until it is through, nothing is read: two sides that only write would wait for each
// other.
constexpr std::size_t batch_max = 64 << 10;

struct settings {
  target_options target;
  load_plan plan;
  weft::options runtime = {.workers = 1};
  bool json = false;
};

int usage() {
  std::fputs(
      "usage: weft-load [flags] URL\n"
      "  URL                    http://HOST[:PORT][/PATH], or echo://HOST:PORT or echo://unix:PATH for a "
      "server\n"
      "                         that sends back what it gets\n"
      "  --connections N        how many (10)\n"
      "  --rate N               requests per second, due at even intervals whether the server keeps up or "
      "not;\n"
      "                         latencies count from when they are due. Without it, as fast as answers come\n"
      "  --duration SECONDS     for how long to measure (10)\n"
      "  --warm-up SECONDS      for how long to load before that (1)\n"
      "  --timeout SECONDS      how long an answer may take (10)\n"
      "  --workers N            worker threads (1); 0: one per CPU\n"
      "  --pipeline N           requests in one write; the next when all of them are answered (1)\n"
      "  --no-keep-alive        a connection for each request\n"
      "  --bytes N              of each message of an echo (64)\n"
      "  --endpoint AT          where to connect instead of to the URL's host: HOST:PORT or unix:PATH\n"
      "  --method NAME          GET or another one (GET)\n"
      "  --header TEXT          \"Name: value\"; may be given again\n"
      "  --body TEXT            of the request\n"
      "  --expect-status N      what is to be answered (200 to 299)\n"
      "  --expect-bytes N       how long the body of the answer is to be\n"
      "  --backend NAME         how to talk to the kernel: uring, epoll or auto (auto: io_uring where it "
      "works)\n"
      "  --format NAME          text or json (text)\n"
      "  --help, --version\n",
      stdout);
  return 0;
}

int refuse(const std::string& what) {
  std::fprintf(stderr, "weft-load: %s\n", what.c_str());
  return 2;
}

// False: `value` is none for `flag`, and `wanted` says what would be.
bool apply_number(std::string_view flag, std::string_view value, settings& s, std::string& wanted) {
  const auto take = [&]<class T>(T min, T max) {
    wanted = "a number from " + std::to_string(min) + " to " + std::to_string(max);
    return number<T>(value, min, max);
  };
  const auto put = []<class Into, class Number>(Into& into, const std::optional<Number>& n) {
    if constexpr (std::same_as<Into, std::optional<Number>>) into = n;
    else into = n.value_or(into);
    return n.has_value();
  };
  if (flag == "--connections") return put(s.plan.connections, take(1u, 1'000'000u));
  if (flag == "--pipeline") return put(s.plan.pipeline, take(1u, 10'000u));
  if (flag == "--workers") return put(s.runtime.workers, take(0u, 1024u));
  if (flag == "--bytes") return put(s.target.message_bytes, take(std::size_t{1}, batch_max));
  if (flag == "--expect-status") return put(s.target.status, take(200, 999));
  if (flag == "--expect-bytes")
    return put(s.target.body_bytes, take(std::uint64_t{0}, std::uint64_t{1} << 40));
  if (flag == "--rate") {
    wanted = "a number of requests per second from 0.001 to 10000000";
    return put(s.plan.rate, number(value, 0.001, 1e7));
  }
  const auto [time, least] = flag == "--duration"  ? std::pair{&s.plan.duration, 0.01}
                             : flag == "--warm-up" ? std::pair{&s.plan.warm_up, 0.0}
                                                   : std::pair{&s.plan.timeout, 0.001};
  wanted = "a number of seconds, at most 86400";
  const auto seconds = number(value, least, 86400.0);
  if (seconds) *time = std::chrono::nanoseconds{static_cast<std::int64_t>(*seconds * 1e9)};
  return seconds.has_value();
}

// The same.
bool apply_text(std::string_view flag, std::string_view value, settings& s, std::string& wanted) {
  if (flag == "--method") return s.target.call.method = value, true;
  if (flag == "--body") return s.target.call.body = value, true;
  if (flag == "--endpoint") {
    wanted = "HOST:PORT or unix:PATH";
    s.target.endpoint = value;
    return value.find(':') != value.npos;
  }
  if (flag == "--header") {
    wanted = "\"Name: value\"";
    const std::size_t colon = std::min(value.find(':'), value.size());
    const std::string_view after = value.substr(std::min(colon + 1, value.size()));
    s.target.call.headers.emplace_back(value.substr(0, colon),
                                       after.substr(std::min(after.find_first_not_of(' '), after.size())));
    return colon != value.size();
  }
  if (flag == "--format") {
    wanted = "text or json";
    s.json = value == "json";
    return s.json || value == "text";
  }
  wanted = "uring, epoll or auto";
  if (value == "auto") s.runtime.backend = weft::io_backend::automatic;
  else if (value == "uring") s.runtime.backend = weft::io_backend::uring;
  else if (value == "epoll") s.runtime.backend = weft::io_backend::epoll;
  else return false;
  return true;
}

// The exit status if the flags end the program.
std::optional<int> parse(int argc, char** argv, settings& s) {
  constexpr auto numbers = std::to_array<std::string_view>(
      {"--connections", "--pipeline", "--workers", "--bytes", "--expect-status", "--expect-bytes", "--rate",
       "--duration", "--warm-up", "--timeout"});
  constexpr auto texts = std::to_array<std::string_view>(
      {"--method", "--body", "--endpoint", "--header", "--format", "--backend"});
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") return usage();
    if (argument == "--version") return std::puts("weft-load " WEFT_VERSION), 0;
    if (argument == "--no-keep-alive") {
      s.plan.keep_alive = false;
      continue;
    }
    if (!argument.starts_with('-')) {
      if (!s.target.call.url.empty())
        return refuse("one URL at a time: " + s.target.call.url + " and " + std::string{argument});
      s.target.call.url = argument;
      continue;
    }
    const std::size_t equals = argument.find('=');
    const std::string flag{argument.substr(0, equals)};
    const bool is_number = std::ranges::count(numbers, flag) != 0;
    if (!is_number && std::ranges::count(texts, flag) == 0)
      return refuse("unknown flag " + std::string{argument} + " (see --help)");
    if (equals == argument.npos && i + 1 == argc) return refuse(flag + " needs a value (see --help)");
    const std::string value{equals == argument.npos ? std::string_view{argv[++i]}
                                                    : argument.substr(equals + 1)};
    std::string wanted;
    if (!(is_number ? apply_number : apply_text)(flag, value, s, wanted))
      return refuse(std::string{flag}.append(" ").append(value).append(": not ").append(wanted));
  }
  if (s.target.call.url.empty()) return refuse("which URL? weft-load http://127.0.0.1:8080/ (see --help)");
  return std::nullopt;
}

// Makes room for so many connections, if the hard limit of descriptors allows it. Why it does not.
std::optional<std::string> allow_descriptors(unsigned connections) {
  constexpr rlim_t others = 64;  // rings, timers, standard streams: a guess
  const rlim_t needed = connections + others;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return std::nullopt;
  if (limit.rlim_max >= needed) {
    limit.rlim_cur = needed;
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return std::nullopt;
  }
  return "--connections " + std::to_string(connections) + " needs " + std::to_string(needed) +
         " descriptors, and " + std::to_string(limit.rlim_max) + " are allowed: ulimit -Hn " +
         std::to_string(needed) + " as root, or fewer connections";
}

// The exit status.
int run(const settings& s, target at, unsigned workers) {
  const auto found = run_load(std::move(at), s.plan, workers, ::isatty(STDERR_FILENO) != 0);
  if (!found) return refuse(found.error());
  const std::string& url = s.target.call.url;
  const std::string text = (s.json ? json_of : text_of)(*found, s.plan, workers, url);
  if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) return refuse("cannot write");
  if (found->counted.requests != 0) return 0;
  std::fprintf(stderr, "weft-load: nothing was answered as expected\n");
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  settings s;
  if (const auto status = parse(argc, argv, s)) return *status;
  if (!s.plan.keep_alive) s.target.call.headers.emplace_back("Connection", "close");
  auto at = target::make(s.target);
  if (!at) return refuse(at.error());
  if (at->request().size() * s.plan.pipeline > batch_max)
    return refuse("what is sent at once, " + std::to_string(at->request().size() * s.plan.pipeline) +
                  " bytes, is more than " + std::to_string(batch_max) +
                  ", which sockets surely hold: make the message or --pipeline smaller");
  if (const auto why = allow_descriptors(s.plan.connections)) return refuse(*why);
  auto runtime = weft::runtime::open(s.runtime);
  if (!runtime) return refuse("cannot start: " + runtime.error().message() + ": try --backend epoll");
  const unsigned workers =
      std::min((*runtime)->workers(), s.plan.connections);  // the others have nothing to do
  return (*runtime)->block_on([&] { return run(s, std::move(*at), workers); });
}

// weft-httpd: a small HTTP server that shows what weft's HTTP is like, and is easy to measure.
//
//   weft-httpd --port 8080 &
//   curl -i http://127.0.0.1:8080/          Hello, World!, a precompiled response; /plaintext is the same
//   curl http://127.0.0.1:8080/json         by a handler
//   curl -d hello http://127.0.0.1:8080/echo
//   curl http://127.0.0.1:8080/users/42     a number from the path
//   curl http://127.0.0.1:8080/sleep?ms=500 and /cpu?ms=50: a fiber that sleeps, one that computes
//   curl -T FILE -X POST http://127.0.0.1:8080/upload
//   curl -N http://127.0.0.1:8080/events    server-sent events
//   http://127.0.0.1:8080/demo              all of them, in a browser
//   http://127.0.0.1:8080/debug/            with --debug-pages: what its fibers and its pools do
//   weft-httpd --root DIRECTORY             serves its files
//   weft-httpd --listen unix:/run/demo &    curl --unix-socket /run/demo http://localhost/
//   systemd-socket-activate -l 8080 weft-httpd       listens where it was told to by LISTEN_FDS
//
// It says where it listens and nothing else. SIGINT and SIGTERM drain it: status 0. What cannot be started is
// one line with the cause and the remedy: status 2.
//
// SIGUSR2 starts the program anew, by the path and the flags that it was started with, and hands its
// listening sockets over: no client notices. Once the new process is up, this one answers what it has at
// hand, and exits with status 0. If it does not come up, a line on standard error says why, and this one
// goes on. SIGINT and SIGTERM meanwhile end both. Under systemd, which knows one main process, let systemd
// have the sockets and restart the service: clients wait in them.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <weft/config.hpp>
#include <weft/http/access_log.hpp>
#include <weft/http/debug/debug_pages.hpp>
#include <weft/http/metrics/server_metrics.hpp>
#include <weft/http/middleware/logger.hpp>
#include <weft/http/server.hpp>
#include <weft/net/address.hpp>
#include <weft/net/socket_activation.hpp>
#include <weft/net/successor.hpp>
#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/signals.hpp>
#include <weft/runtime/spawn.hpp>

#include "demo_routes.hpp"
#include "flags.hpp"

namespace http = weft::http;

namespace {

struct settings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;
  std::vector<std::string> listen;  // instead of both
  std::vector<std::string> command;
  demo_options routes;
  bool debug_pages = false;
  std::string access_log;  // empty: none
  http::log_format log_format = http::log_format::combined;
  weft::options runtime;
  http::server_options server;
};

int usage() {
  std::fputs(
      "usage: weft-httpd [flags]\n"
      "  --host ADDRESS         where to listen: an IPv4 or IPv6 address (127.0.0.1); 0.0.0.0 or :: for "
      "every one\n"
      "  --port N               on which port (8080); 0 for any free one\n"
      "  --listen AT            where to listen instead: ADDRESS:PORT, unix:PATH, unix:@NAME, or fd:N for a\n"
      "                         socket that was passed; may be given again. Without it, the sockets that\n"
      "                         systemd passes (LISTEN_FDS) go before --host and --port\n"
      "  --workers N            worker threads (0: one per CPU)\n"
      "  --backend NAME         how to talk to the kernel: uring, epoll or auto (auto: io_uring where it "
      "works)\n"
      "  --pin                  bind each worker to a CPU of its own\n"
      "  --memory NAME          where stacks lie and how many are kept: pooled, numa_aware or adaptive "
      "(pooled)\n"
      "  --debug-pages          show at /debug/ what its fibers do, metrics and pools, to this machine "
      "only;\n"
      "                         measures how long each fiber runs\n"
      "  --root DIRECTORY       serve its files instead of the greeting\n"
      "  --access-log FILE      log every request; - for standard output\n"
      "  --log-format NAME      common, combined or json (combined)\n"
      "  --max-connections N    connections beyond this take the place of idle ones, or are answered 503 "
      "(10000)\n"
      "  --proxy-protocol       connections come through a proxy that says whose they are (PROXY protocol 1 "
      "or 2)\n"
      "  --head-seconds N       how long a request's head may take to come (10)\n"
      "  --request-seconds N    how long a request's body may take to come (30); 0 for as long as it keeps\n"
      "                         up the rate\n"
      "  --body-rate N          bytes per second that it must come with at least (16384); 0 for however "
      "slowly\n"
      "  --grace-seconds N      for how long it may fall behind that (10)\n"
      "  --write-seconds N      how long a client may take to receive something (30)\n"
      "  --idle-seconds N       how long a connection may wait between requests (75)\n"
      "  --drain-seconds N      how long requests may go on after SIGINT or SIGTERM (10)\n"
      "  --help, --version\n"
      "SIGUSR2 restarts it with its listening sockets: no connection is refused or lost.\n",
      stdout);
  return 0;
}

int refuse(const std::string& what) {
  std::fprintf(stderr, "weft-httpd: %s\n", what.c_str());
  return 2;
}

// False: `value` is none for `flag`, and `wanted` says what would be.
bool apply(std::string_view flag, std::string_view value, settings& s, std::string& wanted) {
  const auto take = [&](auto& into, auto min, auto max) {
    using value_type = std::decay_t<decltype(into)>;
    const auto n = number<value_type>(value, static_cast<value_type>(min), static_cast<value_type>(max));
    wanted = "a number from " + std::to_string(min) + " to " + std::to_string(max);
    if (n) into = *n;
    return n.has_value();
  };
  if (flag == "--host") {
    wanted = "an IPv4 or IPv6 address";
    s.host = value.find(':') == value.npos || value.starts_with('[') ? value : '[' + std::string{value} + ']';
    return !value.empty() && weft::net::address::parse(s.host + ":0").has_value();
  }
  if (flag == "--port") return take(s.port, 0, 65535);
  if (flag == "--listen") {
    wanted = "ADDRESS:PORT, unix:PATH or fd:N";
    s.listen.emplace_back(value);
    return value.find(':') != value.npos;
  }
  if (flag == "--workers") return take(s.runtime.workers, 0, 1024);
  if (flag == "--max-connections") return take(s.server.connections_max, 1, 10'000'000);
  if (flag == "--body-rate") return take(s.server.body_rate, 0, 1'000'000'000);
  for (const auto& [name, time, least] : {std::tuple{"--drain-seconds", &s.server.drain, 0},
                                          {"--head-seconds", &s.server.head, 1},
                                          {"--request-seconds", &s.server.request, 0},
                                          {"--grace-seconds", &s.server.body_grace, 0},
                                          {"--write-seconds", &s.server.write, 1},
                                          {"--idle-seconds", &s.server.idle, 1}}) {
    if (flag != name) continue;
    unsigned seconds = 0;
    if (!take(seconds, least, 3600)) return false;
    *time = std::chrono::seconds{seconds};
    return true;
  }
  if (flag == "--root") {
    wanted = "a directory that can be read";
    s.routes.root = value;
    return ::access(s.routes.root.c_str(), R_OK | X_OK) == 0;
  }
  if (flag == "--access-log") {
    wanted = "a file, or - for standard output";
    s.access_log = value;
    return !value.empty();
  }
  if (flag == "--log-format") {
    wanted = "common, combined or json";
    if (value == "common") s.log_format = http::log_format::common;
    else if (value == "combined") s.log_format = http::log_format::combined;
    else if (value == "json") s.log_format = http::log_format::json;
    else return false;
    return true;
  }
  if (flag == "--memory") {
    wanted = "pooled, numa_aware or adaptive";
    if (value == "pooled") s.runtime.memory = weft::memory_strategy::pooled;
    else if (value == "numa_aware") s.runtime.memory = weft::memory_strategy::numa_aware;
    else if (value == "adaptive") s.runtime.memory = weft::memory_strategy::adaptive;
    else return false;
    return true;
  }
  wanted = "uring, epoll or auto";
  if (value == "auto") s.runtime.backend = weft::io_backend::automatic;
  else if (value == "uring") s.runtime.backend = weft::io_backend::uring;
  else if (value == "epoll") s.runtime.backend = weft::io_backend::epoll;
  else return false;
  return true;
}

int refuse_value(const std::string& flag, const std::string& value, const std::string& wanted) {
  return refuse(flag + " " + value + ": not " + wanted);
}

// Flags that take no value. False: it is none of them.
bool apply_switch(std::string_view flag, settings& s) {
  if (flag == "--pin") return s.runtime.pin = true;
  if (flag == "--debug-pages") return s.debug_pages = s.runtime.fiber_times = true;
  if (flag != "--proxy-protocol") return false;
  s.server.proxy_protocol = http::proxy_protocol_mode::required;
  return true;
}

// The exit status if the flags end the program.
std::optional<int> parse(int argc, char** argv, settings& s) {
  constexpr auto flags = std::to_array<std::string_view>(
      {"--host", "--port", "--listen", "--workers", "--backend", "--memory", "--root", "--access-log",
       "--log-format", "--max-connections", "--head-seconds", "--request-seconds", "--body-rate",
       "--grace-seconds", "--write-seconds", "--idle-seconds", "--drain-seconds"});
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") return usage();
    if (argument == "--version") return std::puts("weft-httpd " WEFT_VERSION), 0;
    if (apply_switch(argument, s)) continue;
    const std::size_t equals = argument.find('=');
    const std::string flag{argument.substr(0, equals)};
    bool known = false;
    for (const std::string_view f : flags) known = known || f == flag;
    if (!known) return refuse("unknown flag " + std::string{argument} + " (see --help)");
    if (equals == argument.npos && i + 1 == argc) return refuse(flag + " needs a value (see --help)");
    const std::string value{equals == argument.npos ? std::string_view{argv[++i]}
                                                    : argument.substr(equals + 1)};
    std::string wanted;
    if (!apply(flag, value, s, wanted)) return refuse_value(flag, value, wanted);
  }
  return std::nullopt;
}

std::string remedy(const std::error_code& error, const settings& s) {
  const std::string port = std::to_string(s.port);
  const std::string at = s.host + ":" + port;
  if (error == std::errc::address_in_use)
    return "port " + port + " of " + s.host + " is in use: stop who uses it (ss -ltnp 'sport = :" + port +
           "') or choose another --port";
  if (error == std::errc::permission_denied)
    return "port " + port +
           " is privileged: choose a --port from 1024 up, or allow it (sysctl "
           "net.ipv4.ip_unprivileged_port_start=" +
           port + ")";
  if (error == std::errc::address_not_available)
    return s.host +
           " is no address of this machine (ip address lists them): choose another --host, or 0.0.0.0 for "
           "all";
  return "cannot listen at " + at + ": " + error.message();
}

// The sockets that were passed, if they are to be used.
std::optional<int> adopt(http::server& server, const settings& s, weft::net::activation& given) {
  // Those of a predecessor were bound by the same flags, so that their paths are this process's to remove.
  const auto passed = [](const std::string& at) { return at.starts_with("fd:"); };
  const bool owns_paths = !s.listen.empty() && std::ranges::none_of(s.listen, passed);
  for (weft::net::activated_socket& one : given.sockets) {
    const std::string at = "fd:" + std::to_string(one.socket.release());
    const auto listening = server.listen(at, {.owns_path = owns_paths});
    if (!listening) return refuse("cannot listen at " + at + ": " + listening.error().message());
  }
  return std::nullopt;
}

std::optional<int> bind(http::server& server, const settings& s) {
  for (const std::string& at : s.listen)
    if (const auto listening = server.listen(at); !listening)
      return refuse("cannot listen at " + at + ": " + listening.error().message());
  if (!s.listen.empty()) return std::nullopt;
  if (const auto listening = server.listen(s.host + ":" + std::to_string(s.port)); !listening)
    return refuse(remedy(listening.error(), s));
  return std::nullopt;
}

// Binds, and says so. The exit status if that fails.
std::optional<int> listen(http::server& server, const settings& s, weft::net::activation& given,
                          unsigned workers) {
  const bool use_given = !given.sockets.empty() && (s.listen.empty() || given.is_successor());
  if (const auto status = use_given ? adopt(server, s, given) : bind(server, s)) return status;
  const char* before = "weft-httpd: listening on ";
  for (const std::string& at : server.addresses()) {
    std::printf("%s%s%s", before, at.starts_with("unix:") ? "" : "http://", at.c_str());
    before = " and ";
  }
  std::printf(" (%u worker%s, %s)\n", workers, workers == 1 ? "" : "s",
              weft::detail::worker::current()->io().name());
  std::fflush(stdout);
  return std::nullopt;
}

// Whether another process listens in the place of this one.
bool restart(const http::server& server, const settings& s) {
  constexpr auto patience = std::chrono::seconds{30};  // a guess: more than any flag makes its start take
  const auto going_on = [](const std::string& why) {
    std::fprintf(stderr, "weft-httpd: cannot restart, and goes on: %s\n", why.c_str());
    return false;
  };
  const auto sockets = server.sockets();
  if (!sockets) return going_on("cannot pass the sockets: " + sockets.error().message());
  const auto next = weft::net::start_successor(s.command, *sockets, patience);
  if (!next && next.error() == weft::errc::canceled) return false;  // this process is to end
  if (!next) return going_on(s.command.front() + ": " + next.error().message());
  if (!next->ended) return true;
  const auto how = *next->ended;
  return going_on("the new process has ended with " + (how.signal != 0
                                                           ? "signal " + std::to_string(how.signal)
                                                           : "status " + std::to_string(how.code)));
}

// A second one ends the process at once.
void unblock_ends() {
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGINT);
  ::sigaddset(&ends, SIGTERM);
  ::pthread_sigmask(SIG_UNBLOCK, &ends, nullptr);
}

// Serves until a signal, and drains. The signals are blocked: one that comes before anybody waits is kept.
weft::result<void> serve(http::server& server, const settings& s) {
  auto restarting = weft::spawn([&] {
    while (weft::signals::wait({SIGUSR2}))
      if (restart(server, s)) return server.hand_over();
  });
  // Until all is over: the end may be asked for during a restart, and after it.
  auto ending = weft::spawn([&] {
    const auto signal = weft::signals::wait({SIGINT, SIGTERM});
    unblock_ends();
    restarting.request_stop();
    server.request_stop();
    return signal;
  });
  const auto served = server.serve();
  ending.request_stop();
  const auto signal = ending.join();
  restarting.join();  // ending has stopped it
  if (!signal && signal.error() != weft::errc::canceled) return std::unexpected(signal.error());
  return served;
}

// The exit status.
int run(const settings& s, weft::net::activation& given, unsigned workers) {
  std::optional<http::access_log> log;
  http::router routes;
  if (!s.access_log.empty()) {
    auto opened = http::access_log::open(s.access_log);
    if (!opened) return refuse("cannot log to " + s.access_log + ": " + opened.error().message());
    log = std::move(*opened);
    routes.use(
        http::logger{{.sink = [&log](std::string_view line) { log->write(line); }, .format = s.log_format}});
  }
  demo_routes(routes, s.routes);
  const http::server* self = nullptr;
  if (s.debug_pages)
    http::debug_pages(routes, {.more_metrics = [&] { return to_prometheus(self->metrics()); }});
  http::server server{std::move(routes), s.server};
  self = &server;
  if (const auto status = listen(server, s, given, workers)) return *status;
  weft::task<weft::result<void>> logging;
  if (log) logging = weft::spawn([&log] { return log->run(); });
  (void)given.report_ready();  // a predecessor that has gone needs no word
  const auto served = serve(server, s);
  if (log) {  // no request runs any more
    log->close();
    if (const auto logged = logging.join(); !logged) return weft::exit_status(logged, "weft-httpd");
  }
  return weft::exit_status(served, "weft-httpd");
}

}  // namespace

int main(int argc, char** argv) {
  settings s;
  s.command.assign(argv, argv + argc);
  if (const auto status = parse(argc, argv, s)) return *status;
  auto given = weft::net::activated_sockets();
  if (!given) return refuse("cannot take the sockets that were passed: " + given.error().message());
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGUSR2);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGUSR2, SIG_IGN);  // while nobody waits for it: one restart is enough
  auto runtime = weft::runtime::open(s.runtime);
  if (!runtime) {
    const char* const forced = std::getenv("WEFT_BACKEND");
    std::string remedy;
    if (forced != nullptr && *forced != '\0')
      remedy = ": WEFT_BACKEND is \"" + std::string{forced} +
               "\"; auto, uring and epoll are known, and epoll works everywhere";
    else if (s.runtime.backend == weft::io_backend::uring)
      remedy = ": try --backend epoll, and see what weft-doctor says";
    return refuse("cannot start: " + runtime.error().message() + remedy);
  }
  const unsigned workers = (*runtime)->workers();
  return (*runtime)->block_on([&] { return run(s, *given, workers); });
}

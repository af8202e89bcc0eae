// weft-httpd: a small HTTP server that shows what weft's HTTP is like, and is easy to measure.
//
//   weft-httpd --port 8080 &
//   curl -i http://127.0.0.1:8080/          Hello, World!, a precompiled response; /plaintext is the same
//   curl http://127.0.0.1:8080/json         by a handler
//   curl -d hello http://127.0.0.1:8080/echo
//   curl http://127.0.0.1:8080/stats        with --stats: the pools of the process, as JSON
//
// It says where it listens and nothing else. SIGINT and SIGTERM drain it: status 0. What cannot be started is
// one line with the cause and the remedy: status 2.
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <weft/config.hpp>
#include <weft/http/server.hpp>
#include <weft/net/address.hpp>
#include <weft/pools/pool_registry.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/signals.hpp>

namespace http = weft::http;

namespace {

struct settings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;
  bool stats = false;
  weft::options runtime;
  http::server_options server;
};

int usage() {
  std::fputs(
      "usage: weft-httpd [flags]\n"
      "  --host ADDRESS         where to listen: an IPv4 or IPv6 address (127.0.0.1); 0.0.0.0 or :: for "
      "every one\n"
      "  --port N               on which port (8080); 0 for any free one\n"
      "  --workers N            worker threads (0: one per CPU)\n"
      "  --backend NAME         how to talk to the kernel: uring, epoll or auto (auto: io_uring where it "
      "works)\n"
      "  --pin                  bind each worker to a CPU of its own\n"
      "  --memory NAME          where stacks lie and how many are kept: pooled, numa_aware or adaptive "
      "(pooled)\n"
      "  --stats                answer GET /stats with the pools of this process, to whoever asks\n"
      "  --max-connections N    connections beyond this are answered 503 (10000)\n"
      "  --drain-seconds N      how long requests may go on after SIGINT or SIGTERM (10)\n"
      "  --help, --version\n",
      stdout);
  return 0;
}

int refuse(const std::string& what) {
  std::fprintf(stderr, "weft-httpd: %s\n", what.c_str());
  return 2;
}

template <class Number>
std::optional<Number> number(std::string_view text, Number min, Number max) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < min || value > max)
    return std::nullopt;
  return value;
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
  if (flag == "--workers") return take(s.runtime.workers, 0, 1024);
  if (flag == "--max-connections") return take(s.server.connections_max, 1, 10'000'000);
  if (flag == "--drain-seconds") {
    unsigned seconds = 0;
    if (!take(seconds, 0, 3600)) return false;
    s.server.drain = std::chrono::seconds{seconds};
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
  if (flag == "--stats") return s.stats = true;
  return false;
}

// The exit status if the flags end the program.
std::optional<int> parse(int argc, char** argv, settings& s) {
  constexpr std::array<std::string_view, 7> flags = {
      "--host", "--port", "--workers", "--backend", "--memory", "--max-connections", "--drain-seconds"};
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

// A count; of what has no limit, null.
std::string json_of(std::uint64_t count) { return count == SIZE_MAX ? "null" : std::to_string(count); }

std::string pools_as_json() {
  std::string text = "{\"pools\":[";
  weft::for_each_pool([&](std::string_view name, const weft::pool_stats& s) {
    if (text.back() != '[') text += ',';
    text += "\n{\"name\":\"" + std::string{name} + '"';
    for (const auto& [what, count] : {std::pair<const char*, std::uint64_t>{"in_use", s.in_use},
                                      {"idle", s.idle},
                                      {"capacity", s.capacity},
                                      {"limit", s.limit},
                                      {"high_water", s.high_water},
                                      {"hits", s.hits},
                                      {"misses", s.misses},
                                      {"refused", s.refused}})
      text += std::string{",\""} + what + "\":" + json_of(count);
    text += '}';
  });
  return text + "\n]}\n";
}

http::router routes(bool stats) {
  http::router r;
  const http::precompiled hello{http::status::ok, "text/plain", "Hello, World!"};
  r.get("/", hello).get("/plaintext", hello);
  r.get("/json", [](http::request&, http::response& s) { s.json(R"({"message":"Hello, World!"})"); });
  if (stats) r.get("/stats", [](http::request&, http::response& s) { s.json(pools_as_json()); });
  r.get("/healthz", http::precompiled{http::status::ok, "text/plain", "ok\n"});
  const auto echo = [](http::request& q, http::response& s) -> weft::result<void> {
    const std::string_view body = WEFT_TRY(q.body());
    s.header("content-type", q.header("content-type").value_or("application/octet-stream")).text(body);
    return {};
  };
  r.post("/", echo).post("/echo", echo);
  return r;
}

// Binds, and says so. The exit status if that fails.
std::optional<int> listen(http::server& server, const settings& s, unsigned workers) {
  if (const auto listening = server.listen(s.host + ":" + std::to_string(s.port)); !listening)
    return refuse(remedy(listening.error(), s));
  std::printf("weft-httpd: listening on http://%s (%u worker%s, %s)\n", server.addresses().front().c_str(),
              workers, workers == 1 ? "" : "s", weft::detail::worker::current()->io().name());
  std::fflush(stdout);
  return std::nullopt;
}

// Serves until a signal, and drains. The signals are blocked: one that comes before anybody waits is kept.
weft::result<void> serve(weft::runtime& runtime, http::server& server, const sigset_t& signals) {
  auto serving = runtime.spawn([&] {
    const auto served = server.serve();
    if (!served) ::kill(::getpid(), SIGTERM);  // nobody else would end the wait below
    return served;
  });
  const auto signal = weft::signals::wait({SIGINT, SIGTERM});
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // a second one ends the process at once
  server.request_stop();
  const auto served = serving.join();
  return signal ? served : std::unexpected(signal.error());
}

}  // namespace

int main(int argc, char** argv) {
  settings s;
  if (const auto status = parse(argc, argv, s)) return *status;
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
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
  http::server server{routes(s.stats), s.server};
  const unsigned workers = (*runtime)->workers();
  if (const auto status = (*runtime)->block_on([&] { return listen(server, s, workers); })) return *status;
  return weft::exit_status(serve(**runtime, server, signals), "weft-httpd");
}

// Real connections of the loopback, both ends in this process and on one worker, so that the figures are
// those of server and client together: 50,000 connections that each carry one message and its echo, a
// thousand clients of an echo server, one client's single round trips, and 100,000 HTTP requests from weft's
// client to weft's server. A row that does not do all of it, without an error, has no figure.
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <weft/http/client/client.hpp>
#include <weft/http/router.hpp>
#include <weft/http/server.hpp>
#include <weft/net/tcp_listener.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/runtime/runtime.hpp>

#include "load_test.hpp"

namespace {

using namespace std::chrono_literals;
namespace http = weft::http;
namespace net = weft::net;

constexpr std::size_t clients = 100;
using message = std::array<std::byte, 64>;

weft::result<void> echo(net::tcp_stream s) {
  message m;
  while (const std::size_t n = WEFT_TRY(s.read(m))) WEFT_TRY(s.write_all(std::span{m}.first(n)));
  return {};
}

// The server hangs up first, as servers do: so the ports are the clients' again at once.
weft::result<void> echo_once(net::tcp_stream s) {
  message m;
  WEFT_TRY(s.read_exactly(m));
  return s.write_all(m);
}

weft::result<void> ask(net::tcp_stream& s) {
  message m{};
  WEFT_TRY(s.write_all(m));
  return s.read_exactly(m);
}

weft::result<void> connect_and_ask(const std::string& at) {
  net::tcp_stream s = WEFT_TRY(net::tcp_stream::connect(at));
  WEFT_TRY(ask(s));
  message rest;
  if (WEFT_TRY(s.read(rest)) != 0) return std::unexpected(weft::errc::protocol);
  return {};
}

// f(address) while connections are served so.
template <class F>
bench::sample beside_server(weft::result<void> (*serve)(net::tcp_stream), F f) {
  return weft::run(
      [&] {
        net::tcp_listener listener = net::tcp_listener::bind("127.0.0.1:0").value();
        auto serving = weft::spawn([&] { return listener.serve(serve); });
        const bench::sample taken = f(listener.local_address());
        listener.close();
        return serving.join() ? taken : bench::sample{};
      },
      {.workers = 1});
}

// So many clients that share the operations, each of which is one call of f.
template <class F>
bench::sample shared(std::uint64_t operations, F f) {
  std::array<weft::task<bool>, clients> all;
  const bench::stopwatch watch;
  for (auto& t : all)
    t = weft::spawn([&] {
      for (std::uint64_t i = 0; i < operations / clients; ++i)
        if (!f()) return false;
      return true;
    });
  bool good = true;
  for (auto& t : all) good = t.join() && good;
  return watch.stop(good ? operations : 0);
}

bench::sample connections(std::uint64_t operations) {
  return beside_server(echo_once, [operations](const std::string& at) {
    return shared(operations, [&] { return connect_and_ask(at).has_value(); });
  });
}

bench::sample echo_1000(std::uint64_t) {
  return beside_server(echo, [](const std::string& at) {
    const auto test = bench::load_test{.concurrent_tasks = 1000}.run(
        [&] { return [s = net::tcp_stream::connect(at)]() mutable { return s && ask(*s); }; });
    return test.failed == 0 ? test.took : bench::sample{};
  });
}

bench::sample round_trips(std::uint64_t operations, std::vector<std::int64_t>& each) {
  return beside_server(echo, [&](const std::string& at) {
    net::tcp_stream s = net::tcp_stream::connect(at).value();
    const bench::stopwatch watch;
    for (std::uint64_t i = 0; i < operations; ++i) {
      const std::int64_t begin = bench::clock_ns(CLOCK_MONOTONIC);
      if (!ask(s)) return bench::sample{};
      each.push_back(bench::clock_ns(CLOCK_MONOTONIC) - begin);
    }
    return watch.stop(operations);
  });
}

bench::sample requests(std::uint64_t operations) {
  return weft::run(
      [operations] {
        http::router routes;
        routes.get("/", http::precompiled{http::status::ok, "text/plain", "Hello, World!"});
        http::server server{std::move(routes), {.drain = 1s}};
        if (!server.listen("127.0.0.1:0")) return bench::sample{};
        auto serving = weft::spawn([&] { return server.serve(); });
        http::client client{{.connections = {.endpoint_limit = clients}}};
        const std::string page = "http://" + server.addresses().front() + '/';
        const bench::sample taken = shared(operations, [&] {
          auto reply = client.get(page);
          return reply && reply->status() == http::status::ok && reply->body() == "Hello, World!";
        });
        server.request_stop();
        return serving.join() ? taken : bench::sample{};
      },
      {.workers = 1});
}

const int rows[] = {
    bench::time_row("tcp/50k_connections", connections, {.operations = 50'000, .repetitions = 3}),
    bench::time_row("tcp/echo_1000", echo_1000, {.operations = 1, .repetitions = 3}),
    bench::latency_row("tcp/round_trip", round_trips, {.operations = 10'000, .repetitions = 3}),
    bench::time_row("http/100k_requests", requests, {.operations = 100'000, .repetitions = 3}),
};

}  // namespace

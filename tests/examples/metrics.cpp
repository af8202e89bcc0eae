// What a program tells Prometheus: /metrics, with the numbers of its runtime and of its server.
//
//   metrics
#include <weft/weft.hpp>

#include <cstdio>
#include <sstream>
#include <string>

using namespace std::chrono_literals;
namespace http = weft::http;

weft::result<void> app() {
  http::router r;
  const http::server* self = nullptr;
  r.get("/", [](http::request&, http::response& s) { s.text("hello"); });
  r.get("/metrics", [&self](http::request&, http::response& s) {
    const weft::runtime_metrics m = weft::metrics();
    const http::server_metrics h = self->metrics();
    s.body(weft::to_prometheus(m) + http::to_prometheus(h), weft::prometheus_content_type);
  });
  http::server server{std::move(r), {.drain = 1s}};
  self = &server;
  WEFT_TRY(server.listen("127.0.0.1:0"));
  auto serving = weft::spawn([&] { return server.serve(); });
  const std::string here = "http://" + server.addresses().front();
  http::client client;

  weft::histogram took;  // one of our own
  for (int i = 0; i < 3; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    (void)WEFT_TRY(WEFT_TRY(client.get(here, 5s)).body());
    took.record(std::chrono::steady_clock::now() - begin);
  }
  std::printf("%llu calls, the median below a second: %s\n", static_cast<unsigned long long>(took.count()),
              took.percentile(0.5) < 1s ? "yes" : "no");
  auto told = WEFT_TRY(client.get(here + "/metrics", 5s));
  std::istringstream lines{std::string{WEFT_TRY(told.body())}};
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("weft_http_requests_total") || line.starts_with("weft_workers"))
      std::puts(line.c_str());
  const weft::runtime_metrics m = weft::metrics();
  std::printf("running fibers: %zu\n", m.fibers.running);
  weft::print_stats(m, stderr);
  server.request_stop();
  return serving.join();
}

int main() { return weft::exit_status(weft::run(app, weft::options{.workers = 1}), "metrics"); }

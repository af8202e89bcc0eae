// A slow answer, computed once for all who ask at the same time, and kept for a while.
//
//   response_cache
#include <weft/weft.hpp>

#include <cstdio>
#include <string>
#include <vector>

using namespace std::chrono_literals;
namespace http = weft::http;
namespace net = weft::net;

weft::result<std::string> ask(const std::string& at, std::string_view field = "") {
  auto s = WEFT_TRY(net::tcp_stream::connect(at, 5s));
  const std::string request =
      "GET /report?year=2026 HTTP/1.1\r\nHost: x\r\n" + std::string{field} + "Connection: close\r\n\r\n";
  WEFT_TRY(s.write_all(request, 5s));
  net::line_reader lines{s};
  std::string status, tag;
  while (const auto line = WEFT_TRY(lines.read_line(5s))) {
    if (status.empty()) status = *line;
    if (line->starts_with("ETag: ")) tag = line->substr(6);
    if (line->empty()) break;
  }
  std::printf("%s\n", status.c_str());
  return tag;
}

weft::result<void> app() {
  const http::response_cache cache{{.ttl = 10s}};
  http::router r;
  r.get("/report", [cache](http::request& q, http::response& s) {
    return cache(q, s, [&]() -> weft::result<void> {
      std::printf("computing the report of %s\n", std::string{q.query("year").value_or("?")}.c_str());
      WEFT_TRY(weft::this_fiber::sleep_for(200ms));
      s.text("all is well");
      return {};
    });
  });
  http::server server{std::move(r), {.drain = 1s}};
  WEFT_TRY(server.listen("127.0.0.1:0"));
  auto serving = weft::spawn([&] { return server.serve(); });
  const std::string here = server.addresses().front();

  std::vector<weft::task<weft::result<std::string>>> asking;
  for (int i = 0; i < 3; ++i) asking.push_back(weft::spawn([&] { return ask(here); }));
  std::string tag;
  for (auto& a : asking) tag = WEFT_TRY(a.join());
  WEFT_TRY(ask(here, "If-None-Match: " + tag + "\r\n"));

  const auto s = cache.statistics();
  std::printf("%llu answers, %llu computed\n", static_cast<unsigned long long>(s.hits + s.misses),
              static_cast<unsigned long long>(s.misses));
  server.request_stop();
  return serving.join();
}

// One worker, so that there is one cache: each worker has its own.
int main() { return weft::exit_status(weft::run(app, weft::options{.workers = 1}), "response_cache"); }

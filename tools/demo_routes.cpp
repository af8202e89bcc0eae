#include "demo_routes.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <weft/http/event_stream.hpp>
#include <weft/http/files/static_files.hpp>
#include <weft/runtime/this_fiber.hpp>

#include "demo_page.hpp"

namespace http = weft::http;

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::uint64_t upload_max = std::uint64_t{1} << 30;

// ?ms=N, at most `most`.
weft::result<milliseconds> duration_of(const http::request& q, unsigned most) {
  const std::string_view text = q.query("ms").value_or("0");
  unsigned ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (error != std::errc{} || end != text.data() + text.size() || ms > most)
    return std::unexpected(http::status::bad_request);
  return milliseconds{ms};
}

weft::result<void> echo(http::request& q, http::response& s) {
  const std::string_view body = WEFT_TRY(q.body());
  s.header("content-type", q.header("content-type").value_or("application/octet-stream")).text(body);
  return {};
}

weft::result<void> user(http::request& q, http::response& s) {
  const auto id = WEFT_TRY(q.param<std::uint32_t>("id"));
  s.json("{\"id\":" + std::to_string(id) + ",\"name\":\"user " + std::to_string(id) + "\"}");
  return {};
}

weft::result<void> wait_a_while(http::request& q, http::response& s) {
  const milliseconds ms = WEFT_TRY(duration_of(q, 60'000));
  WEFT_TRY(weft::this_fiber::sleep_for(ms));
  s.text("slept " + std::to_string(ms.count()) + " ms\n");
  return {};
}

// Computes, and lets the others run now and then.
weft::result<void> compute(http::request& q, http::response& s) {
  const milliseconds ms = WEFT_TRY(duration_of(q, 10'000));
  const auto until = steady_clock::now() + ms;
  std::uint64_t x = 88172645463325252;
  std::uint64_t rounds = 0;
  do {
    for (int i = 0; i < 10'000; ++i) {  // xorshift64: Marsaglia, 2003
      x ^= x << 13;
      x ^= x >> 7;
      x ^= x << 17;
    }
    ++rounds;
    weft::this_fiber::yield();
  } while (steady_clock::now() < until);
  s.text(std::to_string(rounds * 10'000) + " numbers, the last " + std::to_string(x) + "\n");
  return {};
}

// Reads as it comes, and keeps nothing.
weft::result<void> upload(http::request& q, http::response& s) {
  std::array<std::byte, 16 << 10> buffer;
  std::uint64_t bytes = 0;
  while (const std::size_t n = WEFT_TRY(q.read(buffer))) bytes += n;
  s.text(std::to_string(bytes) + " bytes\n");
  return {};
}

weft::result<void> events(http::request& q, http::response& s) {
  http::event_stream stream{q, s};
  std::uint64_t next = 0;
  const std::string_view last = stream.last_id();
  std::from_chars(last.data(), last.data() + last.size(), next);
  for (;;) {
    ++next;
    const std::string id = std::to_string(next);
    WEFT_TRY(stream.send({.data = "tick", .id = id}));
    WEFT_TRY(weft::this_fiber::sleep_for(1s));
  }
}

}  // namespace

void demo_routes(http::router& r, const demo_options& options) {
  const http::precompiled hello{http::status::ok, "text/plain", "Hello, World!"};
  r.get("/plaintext", hello);
  r.get("/demo", http::precompiled{http::status::ok, "text/html; charset=utf-8", demo_page});
  r.get("/healthz", http::precompiled{http::status::ok, "text/plain", "ok\n"});
  r.get("/json", [](http::request&, http::response& s) { s.json(R"({"message":"Hello, World!"})"); });
  r.get("/users/{id}", user).get("/sleep", wait_a_while).get("/cpu", compute).get("/events", events);
  r.post("/echo", echo).post("/upload", upload, {.body_max = upload_max});
  if (options.root.empty()) r.get("/", hello).post("/", echo);
  else r.get("/{path...}", http::static_files{options.root, {.listing = true, .precompressed = true}});
}

// The server and its end: what a drain closes, waits for and cancels.
// real time: the clients are foreign threads, and what is tested is how long a drain takes.
#include "server_fixture.hpp"

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace weft::testing {
namespace {

using namespace std::chrono_literals;

TEST_F(HttpServer, closes_idle_connections_at_once_when_it_drains) {
  start({.drain = 5s});
  std::vector<client> idle;
  for (int i = 0; i < 50; ++i) {
    idle.push_back(connect());
    if (i % 2 != 0) continue;
    idle.back().send(get("/"));
    EXPECT_EQ(status_of(idle.back().response()), "200");
  }
  client fresh = connect();
  fresh.send(get("/"));
  EXPECT_EQ(status_of(fresh.response()), "200");
  EXPECT_LT(stop(), 2s);
  for (client& c : idle) {
    EXPECT_EQ(c.rest(), "");
    EXPECT_TRUE(c.clean());
  }
}

TEST_F(HttpServer, lets_requests_at_hand_end_when_it_drains) {
  start({.drain = 5s});
  client c = connect();
  c.send(get("/sleep?ms=300") + get("/"));
  std::this_thread::sleep_for(50ms);
  const auto took = stop();
  EXPECT_GE(took, 200ms);
  EXPECT_LT(took, 3s);
  const std::string response = c.response();
  EXPECT_EQ(body_of(response), "slept");
  EXPECT_TRUE(says_close(response));
  EXPECT_EQ(c.rest(), "");
}

TEST_F(HttpServer, cancels_what_outlasts_the_drain) {
  start({.drain = 200ms});
  client sleeper = connect();
  sleeper.send(get("/sleep?ms=60000"));
  client dripping = connect();
  dripping.send("GET / HTTP/1.1\r\n");
  client uploading = connect();
  uploading.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
  client listening = connect();  // to a stream, whose handler waits
  listening.send(get("/ticks"));
  std::this_thread::sleep_for(50ms);
  const int failures_before = failures_heard.load();
  const auto took = stop();
  EXPECT_GE(took, 190ms);
  EXPECT_LT(took, 3s);
  EXPECT_EQ(failures_heard.load(), failures_before) << "a drain is no failure of the handlers that it ends";
  const std::string begun = listening.rest();
  EXPECT_NE(begun.find("4\r\ntick\r\n"), begun.npos);
  EXPECT_EQ(begun.find("0\r\n\r\n"), begun.npos) << "it looks complete";
}

TEST_F(HttpServer, ends_at_once_if_it_was_stopped_before_it_began) {
  const auto served = run(
      [&]() -> result<void> {
        http::server server{http::router{}};
        WEFT_TRY(server.listen("127.0.0.1:0"));
        server.request_stop();
        return server.serve();
      },
      options{.workers = 1});
  EXPECT_TRUE(served) << served.error().message();
}

TEST_F(HttpServer, ends_when_its_fiber_is_asked_to_stop) {
  runtime runtime{options{.workers = 2}};
  http::server server{http::router{}};
  auto serving = runtime.spawn([&]() -> result<void> {
    WEFT_TRY(server.listen("127.0.0.1:0"));
    return server.serve();
  });
  std::this_thread::sleep_for(20ms);
  serving.request_stop();
  const auto served = serving.join();
  ASSERT_FALSE(served);
  EXPECT_EQ(served.error(), errc::canceled);
}

}  // namespace
}  // namespace weft::testing

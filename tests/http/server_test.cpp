// The server and what it answers: one request after the other, in a pipeline, and of many clients at once.
// real time: the clients are foreign threads, and a date changes once a second.
#include "server_fixture.hpp"

#include <sys/socket.h>

#include <atomic>
#include <ctime>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <weft/io/descriptor.hpp>
#include <weft/runtime/event.hpp>

namespace weft::testing {
namespace {

using namespace std::chrono_literals;

TEST_F(HttpServer, keeps_connections_alive) {
  start();
  client c = connect();
  for (int i = 0; i < 100; ++i) {
    c.send(i % 2 == 0 ? get("/") : post("/echo", std::to_string(i)));
    const std::string response = c.response();
    ASSERT_EQ(status_of(response), "200");
    ASSERT_EQ(body_of(response), i % 2 == 0 ? "Hello, World!" : std::to_string(i));
  }
}

// What a sink does may want more stack than a fiber has.
TEST_F(HttpServer, reports_what_a_handler_throws_on_a_threads_stack) {
  start();
  client c = connect();
  heard_on_a_thread_stack = heard_on_a_fiber = 0;
  for (int i = 0; i < 3; ++i) {
    c.send(get("/throws"));
    EXPECT_EQ(status_of(c.response()), "500");
  }
  EXPECT_EQ(heard_on_a_thread_stack, 3);
  EXPECT_EQ(heard_on_a_fiber, 0);
}

// Of both: what is composed for the request, and what is precompiled.
TEST_F(HttpServer, says_the_date_and_it_goes_on) {
  start();
  client c = connect();
  const auto date = [&c](std::string_view path) {
    const std::time_t before = std::time(nullptr);
    c.send(get(path));
    const std::string response = c.response();
    const std::size_t at = response.find("\r\nDate: ");
    std::tm parts{};
    if (at == response.npos ||
        ::strptime(response.c_str() + at + 8, "%a, %d %b %Y %T GMT", &parts) == nullptr)
      return std::time_t{-1};
    const std::time_t said = ::timegm(&parts);
    EXPECT_GE(said, before - 2) << response;
    EXPECT_LE(said, std::time(nullptr) + 2) << response;
    return said;
  };
  const std::time_t precompiled = date("/"), composed = date("/json");
  std::this_thread::sleep_for(1100ms);  // real time: a date changes once a second
  EXPECT_GE(date("/"), precompiled + 1);
  EXPECT_GE(date("/json"), composed + 1);
}

TEST_F(HttpServer, answers_a_pipeline_in_order_and_in_one_segment) {
  start();
  client c = connect();
  std::string pipeline;
  for (int i = 0; i < 16; ++i) pipeline += post("/echo", std::to_string(i)) + get(i % 2 == 0 ? "/" : "/json");
  c.send(pipeline);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(body_of(c.response()), std::to_string(i));
    EXPECT_EQ(body_of(c.response()), i % 2 == 0 ? "Hello, World!" : "{}");
  }
  EXPECT_EQ(c.data_segments(), 1u);
}

TEST_F(HttpServer, ends_connections_as_they_asked) {
  start();
  client old = connect();
  old.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(body_of(old.rest()), "Hello, World!");
  EXPECT_TRUE(old.clean());
  client once = connect();
  once.send(get("/json", "Connection: close\r\n"));
  EXPECT_TRUE(says_close(once.rest()));
  EXPECT_TRUE(once.clean());
}

TEST_F(HttpServer, lets_clients_read_why_they_were_refused) {
  start();
  for (const std::string bad :
       {"GET / HTTP/1.1\r\n\r\n", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n"}) {
    client c = connect();
    c.send(get("/") + bad +
           std::string(200'000, 'x'));  // much that the server will not read before it answers
    EXPECT_EQ(status_of(c.response()), "200");
    const std::string refusal = c.response();
    EXPECT_TRUE(says_close(refusal));
    EXPECT_EQ(status_of(refusal), bad.starts_with("GET") ? "400" : "413");
    c.end();
    EXPECT_EQ(c.rest(), "");
    EXPECT_TRUE(c.clean());
  }
}

TEST_F(HttpServer, answers_half_closed_clients) {
  start();
  client c = connect();
  c.send(get("/") + get("/sleep?ms=20") + post("/echo", "last"));
  c.end();
  EXPECT_EQ(body_of(c.response()), "Hello, World!");
  EXPECT_EQ(body_of(c.response()), "slept");
  EXPECT_EQ(body_of(c.response()), "last");
  EXPECT_EQ(c.rest(), "");
  EXPECT_TRUE(c.clean());
}

TEST_F(HttpServer, takes_large_bodies_and_sends_them) {
  start();
  client c = connect();
  std::string body(1 << 20, 'x');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 26);
  for (int round = 0; round < 3; ++round) {
    std::thread sender{[&] { c.send(post("/echo", body)); }};
    EXPECT_EQ(body_of(c.response()), body);
    sender.join();
  }
}

TEST_F(HttpServer, asks_for_a_body_that_waits_for_it) {
  start();
  client c = connect();
  c.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(c.response(), "HTTP/1.1 100 Continue\r\n\r\n");
  c.send("hello");
  EXPECT_EQ(body_of(c.response()), "hello");
}

TEST_F(HttpServer, leaves_nothing_behind_after_many_connections) {
  start();
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([this] {
      for (int i = 0; i < 250; ++i) {
        client c = connect();
        c.send(get("/", "Connection: close\r\n"));
        ASSERT_EQ(body_of(c.rest()), "Hello, World!");
      }
    });
  for (auto& t : threads) t.join();
}

TEST_F(HttpServer, serves_many_connections_at_once) {
  start();
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([this] {
      std::vector<client> clients;
      clients.reserve(50);
      for (int i = 0; i < 50; ++i) clients.push_back(connect());
      for (int round = 0; round < 20; ++round) {
        for (client& c : clients) c.send(get("/") + get("/json"));
        for (client& c : clients) {
          ASSERT_EQ(body_of(c.response()), "Hello, World!");
          ASSERT_EQ(body_of(c.response()), "{}");
        }
      }
    });
  for (auto& t : threads) t.join();
}

TEST_F(HttpServer, holds_nothing_but_a_record_for_connections_that_wait) {
  start();
  std::vector<client> idle;
  idle.reserve(50);
  for (int i = 0; i < 50; ++i) {
    idle.push_back(connect());
    idle.back().send(get(i % 2 == 0 ? "/" : "/json"));
    EXPECT_EQ(status_of(idle.back().response()), "200");
  }
  EXPECT_LE(in_use("http exchanges"), 4u);  // what each worker keeps
  EXPECT_EQ(in_use("receive buffers"), 0u);
  EXPECT_EQ(in_use("http connections"), 50u);
}

// Somebody else has them all: requests are received into memory of their connections' own.
TEST_F(HttpServer, serves_on_when_no_receive_buffer_is_left) {
  start();
  event done;
  std::atomic<int> ready{0};
  std::vector<task<void>> hoarders;
  hoarders.reserve(2);
  for (unsigned w = 0; w < 2; ++w)
    hoarders.push_back(rt().spawn(
        [&] {
          int fds[2];
          ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
          detail::descriptor near{fds[0]};
          detail::descriptor far{fds[1]};
          std::deque<io::lessee> lessees;
          std::vector<io::leased_bytes> all;
          for (;;) {
            EXPECT_TRUE(far.send(std::as_bytes(std::span{"x", 1})));
            auto got = near.recv_leased(lessees.emplace_back());
            if (!got) break;
            all.push_back(std::move(*got));
          }
          EXPECT_GE(all.size(), 200u);
          ++ready;
          EXPECT_TRUE(done.wait());
        },
        {.worker = w}));
  while (ready < 2) std::this_thread::sleep_for(1ms);
  std::vector<client> clients;
  clients.reserve(8);
  for (int i = 0; i < 8; ++i) clients.push_back(connect());
  for (int round = 0; round < 20; ++round)
    for (client& c : clients) {
      c.send(round % 2 == 0 ? get("/") : post("/echo", std::string(9000, 'e')));
      const std::string response = c.response();
      ASSERT_EQ(status_of(response), "200");
      ASSERT_EQ(body_of(response), round % 2 == 0 ? "Hello, World!" : std::string(9000, 'e'));
    }
  done.set();
  for (auto& h : hoarders) h.join();
  EXPECT_TRUE(serves());
}

// Longer than a receive buffer, in one piece and in two.
TEST_F(HttpServer, answers_what_fills_a_receive_buffer) {
  start();
  for (const std::size_t length : {4000u, 4096u, 4097u, 8192u, 12000u}) {
    client c = connect();
    const std::size_t bare = get("/", "X: \r\n").size();
    const std::string request = get("/", "X: " + std::string(length - bare, 'x') + "\r\n");
    ASSERT_EQ(request.size(), length);
    for (int i = 0; i < 3; ++i) {
      c.send(request);
      ASSERT_EQ(body_of(c.response()), "Hello, World!");
    }
    c.send(request + request + get("/"));
    for (int i = 0; i < 3; ++i) ASSERT_EQ(body_of(c.response()), "Hello, World!");
  }
}

TEST_F(HttpServer, tells_handlers_who_asks) {
  start();
  client c = connect();
  c.send(get("/peer"));
  EXPECT_EQ(body_of(c.response()), c.local_address());
}

}  // namespace
}  // namespace weft::testing

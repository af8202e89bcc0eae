// The server and its limits: routes' deadlines, clients that drip, do not read, reset or are too many.
// real time: the clients are foreign threads, and what is tested is timeouts and full sockets.
#include "server_fixture.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace weft::testing {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

TEST_F(HttpServer, ends_the_waits_of_a_request_at_its_routes_deadline_and_of_no_other_one) {
  start();
  client c = connect();
  for (int round = 0; round < 2; ++round) {
    const auto begin = steady_clock::now();
    c.send(get("/late"));
    const std::string late = c.response();
    const auto took = steady_clock::now() - begin;
    EXPECT_EQ(status_of(late), "504");
    EXPECT_FALSE(says_close(late));
    EXPECT_GE(took, 50ms);
    EXPECT_LT(took, 5s);
    c.send(get("/sleep?ms=100"));
    EXPECT_EQ(body_of(c.response()), "slept");
  }
}

TEST_F(HttpServer, answers_whose_deadline_it_was_that_a_body_did_not_meet) {
  start();
  const std::string head = " HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel";
  client slow = connect();
  slow.send("POST /soon" + head);
  EXPECT_EQ(status_of(slow.response()), "408");
  client patient = connect();
  patient.send("POST /impatient" + head);
  EXPECT_EQ(status_of(patient.response()), "504");
}

TEST_F(HttpServer, sends_what_a_handler_writes_before_the_handler_waits) {
  start({.drain = 50ms});
  client c = connect();
  c.send(get("/ticks"));
  EXPECT_EQ(c.some(4), "HTTP");
  const std::string chunk = "4\r\ntick\r\n";
  std::string received;
  while (!received.ends_with(chunk)) {
    const std::string more = c.some(1);
    ASSERT_NE(more, "") << received;
    received += more;
  }
}

TEST_F(HttpServer, survives_resets_in_every_phase) {
  start();
  for (const std::string& bytes :
       std::vector<std::string>{"", "GET / HT", get("/"), get("/sleep?ms=10"), get("/big") + get("/big"),
                                "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nsome"}) {
    for (int i = 0; i < 10; ++i) {
      client c = connect();
      c.send(bytes);
      // real time: so that half of them go when the server is at work, of which it gives no sign
      if (i % 2 == 0) std::this_thread::sleep_for(2ms);
      c.reset();
    }
  }
  EXPECT_TRUE(serves());
}

TEST_F(HttpServer, cuts_off_who_drips) {
  start({.head = 150ms, .idle = 300ms});
  client dripping = connect();
  const auto begin = steady_clock::now();
  std::string answer;
  for (const char c : get("/").substr(0, 20)) {
    dripping.send({&c, 1});
    std::this_thread::sleep_for(20ms);  // real time: to drip is what is tested
  }
  answer = dripping.rest();
  EXPECT_EQ(status_of(answer), "408");
  EXPECT_TRUE(says_close(answer));
  EXPECT_GE(steady_clock::now() - begin, 150ms);
  client silent = connect();
  EXPECT_EQ(silent.rest(), "");
  EXPECT_TRUE(silent.clean());
  client slow_body = connect();
  slow_body.send(get("/") + "GET /");
  EXPECT_EQ(status_of(slow_body.response()), "200");
  EXPECT_EQ(status_of(slow_body.response()), "408");
}

TEST_F(HttpServer, cuts_off_whose_body_drips) {
  start({.request = {}, .body_grace = 300ms});
  const std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
  client dripping = connect();
  const auto begin = steady_clock::now();
  dripping.send(head);
  while (!dripping.has_something() && steady_clock::now() - begin < 10s) {
    dripping.send("b");
    std::this_thread::sleep_for(10ms);  // real time: to drip is what is tested
  }
  const std::string answer = dripping.rest();
  EXPECT_EQ(status_of(answer), "408");
  EXPECT_TRUE(says_close(answer));
  EXPECT_GE(steady_clock::now() - begin, 300ms);
  client fast = connect();
  fast.send(head + std::string(100'000, 'b'));
  EXPECT_EQ(status_of(fast.response()), "200");
}

// The deadline of a write is for a client that takes nothing, however long the whole takes.
TEST_F(HttpServer, waits_for_who_reads_slowly_but_reads) {
  constexpr std::size_t size = 16 << 20;
  start({.write = 500ms}, [](http::router& r) {
    r.get("/huge", [](http::request&, http::response& s) {
      s.content_length(size);
      return s.write(std::string(size, 'h'));
    });
  });
  client c = connect();
  c.send(get("/huge"));
  std::size_t received = 0;
  while (received < size) {
    const std::size_t n = c.some(256 << 10).size();
    if (n == 0) break;
    received += n;
    std::this_thread::sleep_for(15ms);  // real time: to read slowly is what is tested
  }
  EXPECT_GE(received, size);
}

TEST_F(HttpServer, waits_for_slow_readers_without_keeping_all_of_their_output) {
  start();
  client c = connect();
  std::string pipeline;
  for (int i = 0; i < 1000; ++i) pipeline += get("/");
  // Until neither side takes any more: then the server has stopped reading.
  std::size_t sent = 0;
  while (sent < 400 * pipeline.size() && c.can_send_within(200ms)) {
    const std::size_t n = c.send_at_once(std::string_view{pipeline}.substr(sent % pipeline.size()));
    if (n == 0) break;
    sent += n;
  }
  EXPECT_LT(sent, 400 * pipeline.size());
  const std::size_t whole = sent / get("/").size();
  for (std::size_t i = 0; i < std::min<std::size_t>(whole, 2000); ++i)
    ASSERT_EQ(body_of(c.response()), "Hello, World!");
  c.reset();
  EXPECT_TRUE(serves());
}

TEST_F(HttpServer, turns_away_connections_beyond_its_limit) {
  start({.connections_max = 2});
  client first = connect();
  client second = connect();
  for (client* c : {&first, &second}) {
    c->send(get("/"));
    EXPECT_EQ(status_of(c->response()), "200");
  }
  client third = connect();
  third.send(get("/"));
  const std::string refusal = third.rest();
  EXPECT_EQ(status_of(refusal), "503");
  EXPECT_TRUE(third.clean());
  first.end();
  EXPECT_EQ(first.rest(), "");
  for (int tries = 0; tries < 100; ++tries) {
    if (serves()) return;
    std::this_thread::sleep_for(10ms);
  }
  FAIL() << "the place of a connection that ended is not given to another";
}

// What was answered before goes out although a later handler waits.
TEST_F(HttpServer, sends_earlier_answers_while_a_handler_waits) {
  start({.drain = 50ms});
  client c = connect();
  c.send(get("/") + get("/json") + get("/sleep?ms=60000"));
  EXPECT_EQ(body_of(c.response()), "Hello, World!");
  EXPECT_EQ(body_of(c.response()), "{}");
}

TEST_F(HttpServer, asks_the_handler_of_a_peer_that_has_gone_to_stop) {
  start({.drain = 60s});
  client c = connect();
  c.send(get("/sleep?ms=60000"));
  std::this_thread::sleep_for(50ms);  // so that it runs
  c.reset();
  EXPECT_LT(stop(), 30s);
}

TEST_F(HttpServer, lets_the_idlest_connection_make_room_for_a_new_one) {
  start({.connections_max = 3, .drain = 100ms});
  client handling = connect();
  handling.send(get("/sleep?ms=60000"));
  std::vector<client> all;
  for (std::size_t i = 0; i < 2; ++i) {
    all.push_back(connect());
    all[i].send(get("/"));
    EXPECT_EQ(status_of(all[i].response()), "200");
  }
  std::this_thread::sleep_for(1100ms);
  std::vector<client> newcomers;
  for (std::size_t i = 0; i < 2; ++i) {
    newcomers.push_back(connect());
    newcomers[i].send(get("/"));
    EXPECT_EQ(status_of(newcomers[i].response()), "200");
  }
  for (client& c : all) {
    EXPECT_EQ(c.rest(), "");
    EXPECT_TRUE(c.clean());
  }
}

}  // namespace
}  // namespace weft::testing

// What becomes of the server, and of handlers, when clients do their worst: reset in any phase, end their
// side early, send without end, do not read.
// real time: the clients are foreign threads, and what is tested is full sockets and lost peers.
#include "server_fixture.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <semaphore>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace weft::testing {
namespace {

using namespace std::chrono_literals;

// What the handlers below tell the test.
std::counting_semaphore<1000> begun{0}, ended{0};
std::atomic<int> failed_by{0};  // the value of the last one's error; 0: none

result<void> over(result<void> outcome) {
  failed_by = outcome ? 0 : outcome.error().value();
  ended.release();
  return outcome;
}

result<void> read_on(http::request& q) {
  std::byte some[4096];
  (void)WEFT_TRY(q.read(some));
  begun.release();
  while (WEFT_TRY(q.read(some)) != 0) {}
  return {};
}

result<void> write_on(http::response& s) {
  const std::string chunk(64 << 10, 'w');
  WEFT_TRY(s.write(chunk));
  begun.release();
  for (;;) WEFT_TRY(s.write(chunk));
}

void routes_that_tell(http::router& r) {
  r.get("/waits", [](http::request&, http::response&) {
    begun.release();
    return over(this_fiber::sleep_for(60s));
  });
  r.post("/reads", [](http::request& q, http::response&) { return over(read_on(q)); });
  r.get("/writes", [](http::request&, http::response& s) { return over(write_on(s)); });
  r.get("/ticked", [](http::request&, http::response& s) -> result<void> {
    for (int i = 0; i < 3; ++i) {
      WEFT_TRY(s.write(std::string_view{"tick"}));
      WEFT_TRY(this_fiber::sleep_for(20ms));
    }
    return {};
  });
  r.get("/n/{n}", [](http::request& q, http::response& s) { s.text(q.param("n")); });
}

template <class F>
bool eventually(F holds) {
  for (int tries = 0; tries < 2000; ++tries) {
    if (holds()) return true;
    std::this_thread::sleep_for(5ms);  // real time: to look again
  }
  return false;
}

// Of "http buffers of 64 KiB" 64 << 10; 0: it is no such pool.
std::size_t buffer_size_of(std::string_view pool) {
  constexpr std::string_view before = "http buffers of ";
  if (!pool.starts_with(before)) return 0;
  std::size_t size = 0;
  std::from_chars(pool.data() + before.size(), pool.data() + pool.size(), size);
  return size << (pool.ends_with("MiB") ? 20 : 10);
}

class HttpFaults : public HttpServer {
 protected:
  // All connections have ended, and hold nothing.
  static bool eventually_alone() {
    return eventually([] { return in_use("http connections") == 0; });
  }
};

}  // namespace

TEST_F(HttpFaults, a_reset_ends_the_connection_and_its_handler_in_every_phase) {
  start({}, routes_that_tell);
  const std::string head = "POST /reads HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
  for (const std::string_view bytes : {"", "GET / HT", "POST /reads HTTP/1.1\r\nContent-Length: 5\r\n"}) {
    client c = connect();
    c.send(get("/") + std::string{bytes});
    ASSERT_EQ(status_of(c.response()), "200");  // so the server has the rest too
    c.reset();
    EXPECT_TRUE(eventually_alone()) << bytes;
  }
  for (const std::string& bytes :
       {head + "some",
        std::string{"POST /reads HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n"},
        get("/waits"), get("/writes"), get("/") + get("/waits") + get("/")}) {
    client c = connect();
    c.send(bytes);
    ASSERT_TRUE(begun.try_acquire_for(10s)) << bytes;
    c.reset();
    ASSERT_TRUE(ended.try_acquire_for(10s)) << bytes;
    EXPECT_NE(failed_by, 0) << bytes;
    EXPECT_TRUE(eventually_alone()) << bytes;
  }
  EXPECT_TRUE(serves());
}

// FIN says that nothing more is asked, not that nobody listens.
TEST_F(HttpFaults, a_half_closed_client_gets_its_answers_and_a_clean_end) {
  start({}, routes_that_tell);
  const auto answers_to = [this](const std::string& bytes) {
    client c = connect();
    c.send(bytes);
    c.end();
    const std::string all = c.rest();
    EXPECT_TRUE(c.clean()) << bytes;
    std::string codes;
    for (std::size_t at = 0; (at = all.find("HTTP/1.1 ", at)) != all.npos; at += 9)
      codes += (codes.empty() ? "" : " ") + all.substr(at + 9, 3);
    if (all.find("chunked") != all.npos && all.ends_with("4\r\ntick\r\n0\r\n\r\n")) codes += " whole";
    return codes;
  };
  EXPECT_EQ(answers_to(""), "");
  EXPECT_EQ(answers_to("GET / HT"), "400");
  EXPECT_EQ(answers_to(get("/") + "GET / HTTP/1.1\r\nHost"), "200 400");
  EXPECT_EQ(answers_to(get("/sleep?ms=30") + get("/")), "200 200");
  EXPECT_EQ(answers_to(get("/ticked")), "200 whole");
  EXPECT_EQ(answers_to("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel"), "400");
  EXPECT_EQ(answers_to("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhe"), "400");
}

TEST_F(HttpFaults, a_flood_of_fields_is_answered_431_and_takes_no_memory) {
  start();
  const auto fields = [](int count, std::size_t size) {
    std::string all;
    all.reserve(static_cast<std::size_t>(count) * (size + 5));
    for (int i = 0; i < count; ++i) all.append("X: ").append(size, 'x').append("\r\n");
    return all;
  };
  const auto answer_to = [this](const std::string& bytes) {
    client c = connect();
    c.send(bytes);  // as much of it as the server takes
    return status_of(c.response());
  };
  EXPECT_EQ(answer_to(get("/", fields(99, 100))), "200");  // 100 with Host
  EXPECT_EQ(answer_to(get("/", fields(100, 100))), "431");
  EXPECT_EQ(answer_to(get("/", fields(1, 20'000))), "431");
  EXPECT_EQ(answer_to("GET / HTTP/1.1\r\nHost: a\r\n" + fields(1'000'000, 3)), "431");
  EXPECT_EQ(answer_to("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(4 << 20, 'x')), "431");
  for_each_pool([](std::string_view name, const pool_stats& s) {
    if (buffer_size_of(name) > 32 << 10) EXPECT_EQ(s.high_water, 0u) << name;
  });
}

TEST_F(HttpFaults, who_reads_nothing_is_cut_off) {
  start({.write = 100ms}, routes_that_tell);
  client streamed = connect();
  streamed.send(get("/writes"));
  ASSERT_TRUE(ended.try_acquire_for(10s));
  EXPECT_EQ(failed_by, static_cast<int>(errc::deadline_exceeded));
  while (begun.try_acquire()) {}
  client whole = connect();
  std::string pipeline = get("/");
  for (int i = 0; i < 64; ++i) pipeline += get("/big");
  whole.send(pipeline);
  EXPECT_EQ(status_of(whole.response()), "200");
  EXPECT_TRUE(eventually_alone());
  EXPECT_LT(whole.rest().size(), 64u << 20);
}

// What the client does not read stays with the client: it cannot make the server hold its answers.
TEST_F(HttpFaults, a_hundred_thousand_requests_of_who_does_not_read_wait_in_the_socket) {
  constexpr int count = 100'000;
  start({}, routes_that_tell);
  client c = connect();
  std::atomic<int> sent{0};
  const std::string padding = "X: " + std::string(200, 'x') + "\r\n";  // more than sockets hold, all together
  std::thread sender{[&] {
    for (int i = 0; i < count; i += 100) {
      std::string some;
      some.reserve(100 * 256);
      for (int j = i; j < i + 100; ++j) some += get("/n/" + std::to_string(j), padding);
      if (c.send(some) != some.size()) return;
      sent += 100;
    }
    c.end();
  }};
  for (int before = -1; before != sent;) {
    before = sent;
    std::this_thread::sleep_for(300ms);  // real time: until nothing goes any more
  }
  EXPECT_GT(sent, 0);
  EXPECT_LT(sent, count);
  std::size_t held = 0;
  for_each_pool([&](std::string_view name, const pool_stats& s) { held += s.in_use * buffer_size_of(name); });
  EXPECT_GT(held, 0u);
  EXPECT_LE(held, 2u << 20);  // 256 KiB, in a buffer that has grown beyond
  EXPECT_TRUE(serves());
  const std::string all = c.rest();
  sender.join();
  EXPECT_TRUE(c.clean());
  std::string_view rest = all;
  int answered = 0;
  while (rest.starts_with("HTTP/1.1 200 OK\r\n")) {
    const std::string number = std::to_string(answered);
    const std::size_t body = rest.find("\r\n\r\n") + 4;
    ASSERT_EQ(rest.substr(body, number.size()), number);
    rest.remove_prefix(body + number.size());
    ++answered;
  }
  EXPECT_EQ(answered, count);
  EXPECT_EQ(rest, "");
}

}  // namespace weft::testing

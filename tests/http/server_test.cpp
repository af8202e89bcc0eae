// The server over real sockets, on the backend that WEFT_BACKEND names: meson runs it on each. Clients are
// plain blocking sockets of threads that weft knows nothing of.
// real time: the clients are foreign threads, and what is tested is timeouts, drains and full sockets.
#include <weft/http/server.hpp>

#include <gtest/gtest.h>

#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <leak_check.hpp>
#include <weft/net/address.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/with_deadline.hpp>
#include <weft/runtime/worker.hpp>

using namespace std::chrono_literals;
namespace http = weft::http;
using std::chrono::steady_clock;

namespace {

class client {
 public:
  explicit client(const std::string& at) : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto to = *weft::net::address::parse(at);
    EXPECT_EQ(::connect(fd_, to.data(), to.size()), 0);
  }
  client(client&& from) noexcept : fd_{std::exchange(from.fd_, -1)}, received_{std::move(from.received_)} {}
  ~client() {
    if (fd_ >= 0) ::close(fd_);
  }

  /// How much of it went out.
  std::size_t send(std::string_view bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += static_cast<std::size_t>(n);
    }
    return sent;
  }
  std::size_t send_at_once(std::string_view bytes) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return n < 0 ? 0 : static_cast<std::size_t>(n);
  }
  /// Waits for room in the socket.
  bool can_send_within(std::chrono::milliseconds patience) const {
    pollfd room{.fd = fd_, .events = POLLOUT, .revents = 0};
    return ::poll(&room, 1, static_cast<int>(patience.count())) > 0;
  }
  void end() { ::shutdown(fd_, SHUT_WR); }
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(std::exchange(fd_, -1));
  }

  /// The next response, head and body; what has come of it if the connection ends.
  std::string response() {
    std::size_t head = std::string::npos;
    while ((head = received_.find("\r\n\r\n")) == std::string::npos)
      if (!more()) return std::exchange(received_, {});
    const std::size_t field = received_.substr(0, head).find("Content-Length: ");
    const std::size_t length =
        head + 4 + (field == std::string::npos ? 0 : std::stoul(received_.substr(field + 16)));
    while (received_.size() < length && more()) {}
    const std::string one = received_.substr(0, length);
    received_.erase(0, one.size());
    return one;
  }
  /// The next so many bytes; fewer if the connection ends.
  std::string some(std::size_t size) {
    while (received_.size() < size && more()) {}
    const std::string first = received_.substr(0, size);
    received_.erase(0, first.size());
    return first;
  }
  /// All that comes until the connection ends. clean(): by FIN.
  std::string rest() {
    while (more()) {}
    return std::exchange(received_, {});
  }
  bool clean() const { return end_ == 0; }

  unsigned data_segments() const {
    tcp_info info{};
    socklen_t size = sizeof info;
    ::getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size);
    return info.tcpi_data_segs_in;
  }

 private:
  bool more() {
    char buffer[65536];
    const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n > 0) received_.append(buffer, static_cast<std::size_t>(n));
    else end_ = n == 0 ? 0 : errno;
    return n > 0;
  }

  int fd_;
  int end_ = -1;
  std::string received_;
};

std::string get(std::string_view target, std::string_view lines = "") {
  return "GET " + std::string{target} + " HTTP/1.1\r\nHost: a\r\n" + std::string{lines} + "\r\n";
}
std::string post(std::string_view target, std::string_view body) {
  return "POST " + std::string{target} +
         " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string{body};
}
std::string status_of(const std::string& response) {
  return response.size() < 12 ? "none" : response.substr(9, 3);
}
std::string body_of(const std::string& response) {
  const std::size_t head = response.find("\r\n\r\n");
  return head == response.npos ? "" : response.substr(head + 4);
}
bool says_close(const std::string& response) {
  return response.find("Connection: close\r\n") != response.npos;
}

// A server on a runtime of two workers; each test ends with everything given back.
class HttpServer : public weft_test::leak_check {
 protected:
  void TearDown() override { stop(); }

  void start(http::server_options options = {}) {
    http::router r;
    r.get("/", http::precompiled{http::status::ok, "text/plain", "Hello, World!"});
    r.get("/json", [](http::request&, http::response& s) { s.json("{}"); });
    r.post("/echo", [](http::request& q, http::response& s) -> weft::result<void> {
      s.text(WEFT_TRY(q.body()));
      return {};
    });
    r.get("/sleep", [](http::request& q, http::response& s) -> weft::result<void> {
      WEFT_TRY(weft::this_fiber::sleep_for(
          std::chrono::milliseconds{std::stoi(std::string{q.query("ms").value_or("0")})}));
      s.text("slept");
      return {};
    });
    r.get("/late", [](http::request&, http::response&) { return weft::this_fiber::sleep_for(60s); },
          {.deadline = 50ms});
    r.post("/soon",
           [](http::request& q, http::response& s) -> weft::result<void> {
             s.text(WEFT_TRY(q.body()));
             return {};
           },
           {.deadline = 50ms});
    r.post("/impatient", [](http::request& q, http::response& s) -> weft::result<void> {
      s.text(WEFT_TRY(weft::with_deadline(20ms, [&] { return q.body(); })));
      return {};
    });
    r.get("/ticks", [](http::request&, http::response& s) -> weft::result<void> {
      WEFT_TRY(s.write(std::string_view{"tick"}));
      return weft::this_fiber::sleep_for(60s);
    });
    r.get("/big", [](http::request&, http::response& s) { s.body(std::string(1 << 20, 'b'), "text/plain"); });
    r.get("/throws", [](http::request&, http::response&) { throw std::runtime_error{"out of luck"}; });
    runtime_ = std::make_unique<weft::runtime>(weft::options{.workers = 2, .error_sink = hear});
    server_ = std::make_unique<http::server>(std::move(r), options);
    runtime_->block_on([&] { ASSERT_TRUE(server_->listen("127.0.0.1:0")); });
    at_ = server_->addresses().front();
    serving_ = runtime_->spawn([this] { return server_->serve(); });
  }

  // How long the drain took.
  steady_clock::duration stop() {
    if (!runtime_) return {};
    const auto begin = steady_clock::now();
    server_->request_stop();
    const auto served = serving_.join();
    EXPECT_TRUE(served) << served.error().message();
    const auto took = steady_clock::now() - begin;
    EXPECT_TRUE(runtime_->stop(5s));
    runtime_.reset();
    server_.reset();
    return took;
  }

  client connect() const { return client{at_}; }
  bool serves() const {
    client c = connect();
    c.send(get("/"));
    return body_of(c.response()) == "Hello, World!";
  }

  std::string at_;
  static inline std::atomic<int> heard_on_a_thread_stack{0}, heard_on_a_fiber{0}, failures_heard{0};

 private:
  static void hear(std::string_view report) {
    if (report.starts_with("http: ")) failures_heard.fetch_add(1);
    if (report.find("out of luck") == report.npos) return;
    const auto* const here = weft::detail::worker::current();
    const bool on_a_fiber = here != nullptr && here->running() != nullptr;
    (on_a_fiber ? heard_on_a_fiber : heard_on_a_thread_stack).fetch_add(1);
  }

  std::unique_ptr<weft::runtime> runtime_;
  std::unique_ptr<http::server> server_;
  weft::task<weft::result<void>> serving_;
};

}  // namespace

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

TEST_F(HttpServer, closes_idle_connections_at_once_when_it_drains) {
  start({.drain = 5s});
  std::vector<client> idle;
  for (int i = 0; i < 50; ++i) {
    idle.push_back(connect());
    if (i % 2 != 0) continue;
    idle.back().send(get("/"));
    EXPECT_EQ(status_of(idle.back().response()), "200");
  }
  std::this_thread::sleep_for(1200ms);  // some have given their buffers back by now
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

TEST_F(HttpServer, leaves_nothing_behind_after_many_connections) {
  start();
  std::vector<std::thread> threads;
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
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([this] {
      std::vector<client> clients;
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

TEST_F(HttpServer, ends_when_its_fiber_is_asked_to_stop) {
  weft::runtime runtime{weft::options{.workers = 2}};
  http::server server{http::router{}};
  auto serving = runtime.spawn([&]() -> weft::result<void> {
    WEFT_TRY(server.listen("127.0.0.1:0"));
    return server.serve();
  });
  std::this_thread::sleep_for(20ms);
  serving.request_stop();
  const auto served = serving.join();
  ASSERT_FALSE(served);
  EXPECT_EQ(served.error(), weft::errc::canceled);
}

// Where a server listens, and how it hands its sockets over to another, which here is in the same process.
// real time: the clients are foreign threads, and what is tested is how long a farewell takes.
#include "server_fixture.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <string>
#include <vector>

#include <weft/net/unix_stream.hpp>
#include <weft/runtime/scheduler.hpp>

namespace weft::testing {
namespace {

using namespace std::chrono_literals;

http::router greeting() {
  http::router r;
  r.get("/", http::precompiled{http::status::ok, "text/plain", "Hello, World!"});
  r.get("/peer", [](http::request& q, http::response& s) { s.text(q.remote_address() ? "known" : "none"); });
  r.get("/worker", [](http::request&, http::response& s) {
    s.text(std::to_string(detail::worker::current()->index()));
  });
  return r;
}

// A server with its runtime, which serves while it lives.
class service {
 public:
  explicit service(const std::vector<std::string>& places, net::listen_options listening = {},
                   http::server_options options = {.drain = 5s}, unsigned workers = 2)
      : runtime_{weft::options{.workers = workers}}, server_{greeting(), options} {
    for (const std::string& at : places) {
      const auto bound = runtime_.block_on([&] { return server_.listen(at, listening); });
      EXPECT_TRUE(bound) << at << ": " << bound.error().message();
    }
    serving_ = runtime_.spawn([this] { return server_.serve(); });
  }
  ~service() {
    server_.request_stop();
    if (!ended_) end();
  }

  // Waits for it. How long that took.
  std::chrono::steady_clock::duration end() {
    const auto begin = std::chrono::steady_clock::now();
    const auto served = serving_.join();
    EXPECT_TRUE(served) << served.error().message();
    ended_ = true;
    return std::chrono::steady_clock::now() - begin;
  }

  // Waits until it has accepted so many.
  void accept(unsigned expected) {
    runtime_.block_on([expected] {
      for (unsigned all = 0; all != expected; (void)this_fiber::sleep_for(1ms)) {
        all = 0;
        for (const auto& w : detail::worker::current()->owner().workers()) all += w->connections.load();
      }
    });
  }

  // What another may listen() at, once there is one socket for each worker.
  std::vector<std::string> passed(std::size_t expected) {
    std::vector<std::string> names;
    auto all = server_.sockets();
    EXPECT_TRUE(all) << all.error().message();
    EXPECT_EQ(all->size(), expected);
    names.reserve(all->size());
    for (auto& one : *all) names.push_back("fd:" + std::to_string(one.release()));
    return names;
  }

  http::server& operator*() { return server_; }
  http::server* operator->() { return &server_; }

 private:
  runtime runtime_;
  http::server server_;
  task<result<void>> serving_;
  bool ended_ = false;
};

class HttpListening : public weft_test::leak_check {
 protected:
  HttpListening() { EXPECT_NE(::mkdtemp(folder_), nullptr); }
  ~HttpListening() override { EXPECT_EQ(::rmdir(folder_), 0) << "a path was left behind"; }

  std::string path() const { return std::string{folder_} + "/s"; }
  bool path_is_there() const { return ::access(path().c_str(), F_OK) == 0; }

  // The answer of a server at a unix socket, without its head.
  static std::string ask_at(const std::string& path, const std::string& target) {
    auto s = net::unix_stream::connect(path, 10s);
    EXPECT_TRUE(s) << s.error().message();
    if (!s || !s->write_all(get(target, "Connection: close\r\n"), 10s)) return "nothing";
    std::string all;
    std::array<char, 512> buffer;
    while (const std::size_t n = s->read(std::as_writable_bytes(std::span{buffer}), 10s).value_or(0))
      all.append(buffer.data(), n);
    return body_of(all);
  }

  static std::string answer(const std::string& at) {
    client c{at};
    c.send(get("/"));
    return body_of(c.response());
  }

 private:
  char folder_[32] = "/tmp/weft-http-XXXXXX";
};

TEST_F(HttpListening, answers_at_unix_sockets) {
  service s{{"unix:" + path(), "unix:@weft-http-test", "127.0.0.1:0"}};
  const auto addresses = s->addresses();
  ASSERT_EQ(addresses.size(), 3u);
  EXPECT_EQ(addresses[0], "unix:" + path());
  EXPECT_EQ(addresses[1], "unix:@weft-http-test");
  for (const std::string& at : {path(), std::string{"@weft-http-test"}}) {
    for (int i = 0; i < 20; ++i) EXPECT_EQ(ask_at(at, "/"), "Hello, World!");
    EXPECT_EQ(ask_at(at, "/peer"), "none");
  }
  EXPECT_EQ(answer(addresses[2]), "Hello, World!");
}

// One worker accepts for all; ten connections of a balancer must not all stay with it.
TEST_F(HttpListening, connections_at_a_unix_socket_are_for_all_workers) {
  service s{{"unix:" + path()}};
  runtime clients;
  clients.block_on([this] {
    std::array<int, 2> served{};
    std::vector<net::unix_stream> kept;
    for (int i = 0; i < 10; ++i) {
      kept.push_back(*net::unix_stream::connect(path(), 10s));
      EXPECT_TRUE(kept.back().write_all(get("/worker"), 10s));
      std::array<char, 512> buffer;
      const auto n = kept.back().read(std::as_writable_bytes(std::span{buffer}), 10s);
      ASSERT_TRUE(n);
      ++served[body_of({buffer.data(), *n}) == "1"];
    }
    EXPECT_GE(std::ranges::min(served), 3);
  });
}

TEST_F(HttpListening, says_why_it_cannot_listen) {
  http::server s{greeting()};
  EXPECT_EQ(s.listen("unix:").error(), std::errc::invalid_argument);
  EXPECT_EQ(s.listen("unix:/nowhere/at/all").error(), std::errc::no_such_file_or_directory);
  EXPECT_EQ(s.listen("fd:9999").error(), std::errc::bad_file_descriptor);
  const int bound = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(s.listen("fd:" + std::to_string(bound)).error(), std::errc::invalid_argument);
  ::close(bound);
  EXPECT_TRUE(s.addresses().empty());
}

// First both serve, then the second alone; what was idle or had just come is not cut off.
TEST_F(HttpListening, hands_over_without_a_client_noticing) {
  service first{{"127.0.0.1:0", "unix:" + path()}, {}, {.drain = 5s, .farewell = 300ms}, 3};
  const std::string at = first->addresses().front();
  EXPECT_EQ(answer(at), "Hello, World!");  // serve() has begun
  client kept{at}, fresh{at}, silent{at};
  kept.send(get("/"));
  EXPECT_FALSE(says_close(kept.response()));
  first.accept(3);

  service second{first.passed(4), {.owns_path = true}, {.drain = 5s}, 2};
  EXPECT_EQ(second->addresses(), (std::vector<std::string>{at, "unix:" + path()}));
  first->hand_over();
  kept.send(get("/"));
  fresh.send(get("/"));
  for (client* const c : {&kept, &fresh}) {
    const std::string last = c->response();
    EXPECT_EQ(body_of(last), "Hello, World!");
    EXPECT_TRUE(says_close(last));
    EXPECT_EQ(c->rest(), "");
    EXPECT_TRUE(c->clean());
  }
  EXPECT_EQ(silent.rest(), "");
  EXPECT_TRUE(silent.clean());
  EXPECT_LT(first.end(), 3s);
  EXPECT_TRUE(path_is_there());
  EXPECT_EQ(first->sockets().error(), errc::closed);
  for (int i = 0; i < 60; ++i) EXPECT_EQ(answer(at), "Hello, World!");
  EXPECT_EQ(ask_at(path(), "/"), "Hello, World!");
}

TEST_F(HttpListening, a_stop_cuts_the_farewell_short) {
  service s{{"127.0.0.1:0"}, {}, {.drain = 60s, .farewell = 60s}};
  client idle{s->addresses().front()};
  idle.send(get("/"));
  EXPECT_EQ(status_of(idle.response()), "200");
  s->hand_over();
  s->request_stop();
  EXPECT_LT(s.end(), 5s);
  EXPECT_EQ(idle.rest(), "");
}

}  // namespace
}  // namespace weft::testing

// What the tests of the server share: a server on a runtime, and its clients, which are plain blocking
// sockets of threads that weft knows nothing of. It is over real sockets, on the backend that WEFT_BACKEND
// names: meson runs the tests on each.
#pragma once

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <leak_check.hpp>
#include <weft/http/server.hpp>
#include <weft/net/address.hpp>
#include <weft/pools/pool_registry.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/with_deadline.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::testing {

class client {
 public:
  explicit client(const std::string& at) : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto to = *net::address::parse(at);
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
  /// Whether there is something to read, or an end.
  bool has_something() const {
    pollfd come{.fd = fd_, .events = POLLIN, .revents = 0};
    return ::poll(&come, 1, 0) > 0;
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

  std::string local_address() const { return net::address::local_of(fd_)->string(); }

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

inline std::string get(std::string_view target, std::string_view lines = "") {
  return "GET " + std::string{target} + " HTTP/1.1\r\nHost: a\r\n" + std::string{lines} + "\r\n";
}
inline std::string post(std::string_view target, std::string_view body) {
  return "POST " + std::string{target} +
         " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string{body};
}
inline std::string status_of(const std::string& response) {
  return response.size() < 12 ? "none" : response.substr(9, 3);
}
inline std::string body_of(const std::string& response) {
  const std::size_t head = response.find("\r\n\r\n");
  return head == response.npos ? "" : response.substr(head + 4);
}
inline bool says_close(const std::string& response) {
  return response.find("Connection: close\r\n") != response.npos;
}

// A server on a runtime of two workers; each test ends with everything given back.
class HttpServer : public weft_test::leak_check {
 protected:
  void TearDown() override { stop(); }

  void start(http::server_options options = {}, void (*more)(http::router&) = nullptr) {
    using namespace std::chrono_literals;
    http::router r;
    r.get("/", http::precompiled{http::status::ok, "text/plain", "Hello, World!"});
    r.get("/json", [](http::request&, http::response& s) { s.json("{}"); });
    r.post("/echo", [](http::request& q, http::response& s) -> result<void> {
      s.text(WEFT_TRY(q.body()));
      return {};
    });
    r.get("/sleep", [](http::request& q, http::response& s) -> result<void> {
      WEFT_TRY(this_fiber::sleep_for(
          std::chrono::milliseconds{std::stoi(std::string{q.query("ms").value_or("0")})}));
      s.text("slept");
      return {};
    });
    r.get("/late", [](http::request&, http::response&) { return this_fiber::sleep_for(60s); },
          {.deadline = 50ms});
    r.post("/soon",
           [](http::request& q, http::response& s) -> result<void> {
             s.text(WEFT_TRY(q.body()));
             return {};
           },
           {.deadline = 50ms});
    r.post("/impatient", [](http::request& q, http::response& s) -> result<void> {
      s.text(WEFT_TRY(with_deadline(20ms, [&] { return q.body(); })));
      return {};
    });
    r.get("/ticks", [](http::request&, http::response& s) -> result<void> {
      WEFT_TRY(s.write(std::string_view{"tick"}));
      return this_fiber::sleep_for(60s);
    });
    r.get("/peer", [](http::request& q, http::response& s) { s.text(q.remote_address()->string()); });
    r.get("/big", [](http::request&, http::response& s) { s.body(std::string(1 << 20, 'b'), "text/plain"); });
    r.get("/throws", [](http::request&, http::response&) { throw std::runtime_error{"out of luck"}; });
    if (more != nullptr) more(r);
    runtime_ = std::make_unique<runtime>(weft::options{.workers = 2, .error_sink = hear});
    server_ = std::make_unique<http::server>(std::move(r), options);
    runtime_->block_on([&] { ASSERT_TRUE(server_->listen("127.0.0.1:0")); });
    at_ = server_->addresses().front();
    serving_ = runtime_->spawn([this] { return server_->serve(); });
  }

  // How long the drain took.
  std::chrono::steady_clock::duration stop() {
    using namespace std::chrono_literals;
    if (!runtime_) return {};
    const auto begin = std::chrono::steady_clock::now();
    server_->request_stop();
    const auto served = serving_.join();
    EXPECT_TRUE(served) << served.error().message();
    const auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_TRUE(runtime_->stop(5s));
    runtime_.reset();
    server_.reset();
    return took;
  }

  runtime& rt() { return *runtime_; }
  http::server& server() { return *server_; }
  client connect() const { return client{at_}; }
  bool serves() const {
    client c = connect();
    c.send(get("/"));
    return body_of(c.response()) == "Hello, World!";
  }

  /// What is taken from the pools of that name.
  static std::size_t in_use(std::string_view pool) {
    std::size_t count = 0;
    for_each_pool([&](std::string_view name, const pool_stats& s) {
      if (name == pool) count += s.in_use;
    });
    return count;
  }

  std::string at_;
  static inline std::atomic<int> heard_on_a_thread_stack{0}, heard_on_a_fiber{0}, failures_heard{0};

 private:
  static void hear(std::string_view report) {
    if (report.starts_with("http: ")) failures_heard.fetch_add(1);
    if (report.find("out of luck") == report.npos) return;
    const auto* const here = detail::worker::current();
    const bool on_a_fiber = here != nullptr && here->running() != nullptr;
    (on_a_fiber ? heard_on_a_fiber : heard_on_a_thread_stack).fetch_add(1);
  }

  std::unique_ptr<runtime> runtime_;
  std::unique_ptr<http::server> server_;
  task<result<void>> serving_;
};

}  // namespace weft::testing

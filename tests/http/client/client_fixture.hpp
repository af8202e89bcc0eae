// What the tests of the client share: a fiber to run on, and servers that follow a script.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <leak_check.hpp>
#include <weft/http/client/client.hpp>
#include <weft/net/tcp_listener.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/spawn.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft::testing {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

// Runs each test's body on a fiber of a runtime of its own, and fails it if anything is left behind.
class HttpClient : public weft_test::leak_check {
 protected:
  template <class F>
  void on_fiber(F f) {
    weft::run([&] { f(); }, weft::options{.workers = 2});
  }
};

// Why it failed; no error if it did not.
template <class T>
std::error_code failure(const result<T>& of) {
  return of ? std::error_code{} : of.error();
}

// One connection, as its server has it.
class server_side {
 public:
  explicit server_side(net::tcp_stream&& over) : over_{std::move(over)} {}

  /// The next request, head and body as they came; what has come of it, if the client ends.
  std::string request() {
    std::size_t head = 0;
    while ((head = received_.find("\r\n\r\n")) == received_.npos)
      if (!more()) return std::exchange(received_, {});
    const std::size_t field = received_.substr(0, head).find("Content-Length: ");
    std::size_t length = head + 4;
    if (field != received_.npos) length += std::stoul(received_.substr(field + 16));
    if (received_.find("\r\nTransfer-Encoding: chunked\r\n") < head) {
      while ((length = received_.find("0\r\n\r\n", head)) == received_.npos && more()) {}
      if (length == received_.npos) return std::exchange(received_, {});
      length += 5;
    }
    while (received_.size() < length && more()) {}
    std::string one = received_.substr(0, length);
    received_.erase(0, one.size());
    return one;
  }
  /// Reads one and answers it.
  bool answer(std::string_view with) { return !request().empty() && send(with); }
  /// Reads just these bytes, no HTTP, and answers them.
  bool answer_bytes(std::string_view expected, std::string_view with) {
    while (received_.size() < expected.size() && more()) {}
    return std::exchange(received_, {}) == expected && send(with);
  }
  bool send(std::string_view bytes) { return over_.write_all(bytes, 10s).has_value(); }
  /// Whether the client ends the connection, without another byte.
  bool sees_end() { return !more() && received_.empty(); }
  /// Ends it with RST.
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(over_.native_handle(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    over_.close();
  }

 private:
  bool more() {
    std::array<std::byte, 4096> buffer;
    const auto got = over_.read(buffer, 10s);
    if (!got || *got == 0) return false;
    received_.append(reinterpret_cast<const char*>(buffer.data()), *got);
    return true;
  }

  net::tcp_stream over_;
  std::string received_;
};

// Serves the connections that come, each with the next script, one after the other; the last one again and
// again.
class scripted_server {
 public:
  using script = std::function<void(server_side&)>;

  explicit scripted_server(std::vector<script> scripts)
      : scripts_{std::move(scripts)}, listener_{*net::tcp_listener::bind("127.0.0.1:0")} {
    serving_ = spawn([this] {
      return listener_.serve([this](net::tcp_stream s) {
        const std::size_t number = connections_.fetch_add(1);
        server_side here{std::move(s)};
        scripts_[std::min(number, scripts_.size() - 1)](here);
      });
    });
  }
  ~scripted_server() { stop(); }

  void stop() {
    listener_.close();
    if (serving_.joinable()) EXPECT_TRUE(serving_.join());
  }
  std::string at() const { return listener_.local_address(); }
  std::string url(std::string_view target = "/") const { return "http://" + at() + std::string{target}; }
  std::size_t connections() const { return connections_.load(); }

 private:
  std::vector<script> scripts_;
  net::tcp_listener listener_;
  std::atomic<std::size_t> connections_{0};
  task<result<void>> serving_;
};

inline std::string ok(std::string_view body, std::string_view fields = "") {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string{fields} +
         "\r\n" + std::string{body};
}

/// Answers every request so, until the client ends.
inline scripted_server::script always(std::string answer) {
  return [answer = std::move(answer)](server_side& s) {
    while (s.answer(answer)) {}
  };
}

/// The body of the reply, or why there is none.
inline std::string text_of(result<http::reply> got) {
  if (!got) return got.error().message();
  auto body = got->body();
  return body ? *body : body.error().message();
}

}  // namespace weft::testing

// What the tests of streams and listeners share. Which backend they run on, WEFT_BACKEND says: meson runs
// each twice.
#pragma once

#include <gtest/gtest.h>

#include <dirent.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <leak_check.hpp>
#include <weft/net/address.hpp>
#include <weft/net/tcp_listener.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft::testing {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* const all = ::opendir("/proc/self/fd");
  while (::readdir(all) != nullptr) ++count;
  ::closedir(all);
  return count;
}

// Why it failed; no error if it did not. (The error of a success is no error but a crash.)
template <class T>
std::error_code failure(const result<T>& of) {
  return of ? std::error_code{} : of.error();
}

// Runs each test's body on a fiber of a runtime of its own, and fails it if anything is left behind.
class NetTest : public weft_test::leak_check {
 protected:
  template <class F>
  void on_fiber(F f, unsigned workers = 1) {
    weft::run([&] { f(); }, weft::options{.workers = workers});
  }
};

struct stream_pair {
  net::tcp_stream near, far;
};

// Two ends of one connection over the loopback.
inline stream_pair connected() {
  auto listener = net::tcp_listener::bind("127.0.0.1:0");
  EXPECT_TRUE(listener) << listener.error().message();
  auto near = net::tcp_stream::connect(listener->local_address(), 5s);
  EXPECT_TRUE(near) << near.error().message();
  auto far = listener->accept(5s);
  EXPECT_TRUE(far) << far.error().message();
  return {std::move(*near), std::move(*far)};
}

// A blocking socket without weft, for what a peer may do that weft would not.
class raw_peer {
 public:
  explicit raw_peer(const std::string& to) : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    if (!connect(to)) close();
  }
  static raw_peer unconnected() { return raw_peer{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}; }
  raw_peer(raw_peer&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  raw_peer& operator=(raw_peer&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~raw_peer() { close(); }

  bool connect(const std::string& to) {
    const auto at = *net::address::parse(to);
    return ::connect(fd_, at.data(), at.size()) == 0;
  }
  bool connected() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  // Ends the connection with RST instead of FIN.
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }

 private:
  explicit raw_peer(int fd) : fd_{fd} {}
  int fd_ = -1;
};

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// `size` bytes of which each says where it belongs.
inline std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(i * 31 + (i >> 8) * 7);
  return out;
}

}  // namespace weft::testing

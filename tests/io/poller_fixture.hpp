// What the tests of the pollers share: one suite over both backends, sockets and pipes that close themselves,
// operations that remember how they ended. Every test ends with nothing in flight and as many descriptors as
// it began with.
#pragma once

#include <cerrno>
#include <chrono>
#include <climits>
#include <concepts>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weft/runtime/offload_pool.hpp>
#include <weft/runtime/poller.hpp>

namespace weft::detail {

using namespace std::chrono_literals;

/// Closes itself.
class owned_fd {
 public:
  owned_fd() = default;
  explicit owned_fd(int fd) : fd_{fd} {
    EXPECT_GE(fd, 0) << std::error_code{errno, std::system_category()}.message();
  }
  owned_fd(owned_fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  owned_fd& operator=(owned_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~owned_fd() { reset(); }

  void reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int release() { return std::exchange(fd_, -1); }
  operator int() const { return fd_; }

 private:
  int fd_ = -1;
};

struct fd_pair {
  owned_fd near, far;
};

inline fd_pair socket_pair() {
  int fds[2] = {-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  return {owned_fd{fds[0]}, owned_fd{fds[1]}};
}

/// near reads what far has written.
inline fd_pair pipe_pair() {
  int fds[2] = {-1, -1};
  EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  return {owned_fd{fds[0]}, owned_fd{fds[1]}};
}

inline sockaddr_in loopback(std::uint16_t port = 0) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = port;  // network order
  return address;
}

inline owned_fd listening_socket(sockaddr_in& bound, int backlog = 128) {
  owned_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  bound = loopback();
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&bound), sizeof bound), 0);
  EXPECT_EQ(::listen(fd, backlog), 0);
  socklen_t size = sizeof bound;
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size), 0);
  return fd;
}

inline owned_fd connect_to(const sockaddr_in& address) {
  owned_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

inline fd_pair tcp_pair() {
  sockaddr_in address;
  const owned_fd listener = listening_socket(address);
  owned_fd near = connect_to(address);
  owned_fd far{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
  return {std::move(near), std::move(far)};
}

/// Closing sends RST instead of FIN.
inline void reset_on_close(int fd) {
  const linger at_once{1, 0};
  ASSERT_EQ(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
}

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) ++count;
  return count;
}

/// An operation that remembers what it was told.
struct heard : operation {
  explicit heard(operation_code code_, int fd_) {
    code = code_;
    fd = fd_;
    complete = [](operation& self, int result, bool more) noexcept {
      auto& me = static_cast<heard&>(self);
      EXPECT_FALSE(me.done) << "completed again after its last completion";
      me.results.push_back(result);
      me.done = !more;
      if (me.then) me.then(me);
    };
  }
  /// `bytes`: a char array or vector to fill, or a string_view to send.
  template <class Bytes>
    requires std::constructible_from<std::span<const char>, Bytes&>
  heard(operation_code code_, int fd_, Bytes&& bytes) : heard{code_, fd_} {
    set_buffer(bytes);
  }

  void set_buffer(std::span<const char> buffer) {
    address = const_cast<char*>(buffer.data());
    length = static_cast<std::uint32_t>(buffer.size());
  }

  int last() const { return results.empty() ? INT_MIN : results.back(); }

  bool done = false;
  std::vector<int> results;
  std::function<void(heard&)> then;
};

class Poller : public testing::TestWithParam<backend> {
 protected:
  void SetUp() override {
    descriptors_before_ = open_descriptors();
    setenv("WEFT_BACKEND", GetParam() == backend::uring ? "uring" : "epoll", 1);
    open({});
  }

  void TearDown() override {
    if (io == nullptr) return;
    EXPECT_EQ(io->in_flight(), 0u);
    EXPECT_EQ(io->counters().completed - extra_completions, io->counters().submitted);
    io.reset();
    unsetenv("WEFT_BACKEND");
    EXPECT_EQ(open_descriptors(), descriptors_before_) << "a descriptor was leaked";
  }

  void open(poller_options options) {
    io.reset();
    options.offload = &offload_;
    auto made = make_poller(options);
    if (!made && GetParam() == backend::uring) GTEST_SKIP() << "no io_uring here: " << made.error().message();
    ASSERT_TRUE(made) << made.error().message();
    io = std::move(*made);
  }

  bool is_uring() const { return GetParam() == backend::uring; }

  /// Turns until `done`. Fails if that takes ten seconds.
  template <class F>
  void turn_until(F done) {
    const deadline give_up{10s};
    while (!done()) {
      ASSERT_FALSE(give_up.expired()) << "nothing came for ten seconds";
      io->turn(deadline{1s});
    }
  }

  /// Submits and waits for the last completion.
  int run(heard& op) {
    io->submit(op);
    EXPECT_FALSE(op.done) << "completed inside submit()";
    finish(op);
    return op.last();
  }

  void finish(heard& op) {
    turn_until([&] { return op.done; });
  }

  /// Gives what may happen by mistake the time to happen: a few turns that do not wait.
  void turn_some() {
    for (int i = 0; i < 5; ++i) io->turn(deadline::past());
  }

  std::unique_ptr<poller> io;
  std::uint64_t extra_completions = 0;  // of accept_many: those with `more`

 private:
  // Outlives the pollers. Made before descriptors are counted.
  static inline offload_pool offload_{};
  std::size_t descriptors_before_ = 0;
};

inline std::string backend_name(const testing::TestParamInfo<backend>& chosen) {
  return chosen.param == backend::uring ? "uring" : "epoll";
}

#define WEFT_BOTH_BACKENDS(suite) \
  INSTANTIATE_TEST_SUITE_P(backends, suite, testing::Values(backend::uring, backend::epoll), backend_name)

}  // namespace weft::detail

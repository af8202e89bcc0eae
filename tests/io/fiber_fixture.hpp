// What the tests of I/O on fibers share: a runtime of each backend, and the sockets of poller_fixture.hpp.
#pragma once

#include "poller_fixture.hpp"

#include <atomic>
#include <thread>

#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft::detail {

inline std::span<std::byte> bytes_of(std::span<char> chars) { return std::as_writable_bytes(chars); }

class OnFibers : public testing::TestWithParam<backend> {
 protected:
  void SetUp() override {
    setenv("WEFT_BACKEND", GetParam() == backend::uring ? "uring" : "epoll", 1);
    const bool is_there = GetParam() != backend::uring || make_poller({});
    if (is_there) warm_up();
    descriptors_before_ = open_descriptors();
    if (!is_there) GTEST_SKIP() << "no io_uring here";
  }

  void TearDown() override {
    unsetenv("WEFT_BACKEND");
    EXPECT_EQ(open_descriptors(), descriptors_before_) << "a descriptor was leaked";
  }

  /// Runs f in a fiber of a fresh runtime, and waits for all that it started. A poller asserts that it ends
  /// idle.
  template <class F>
  void run(unsigned workers, F f) {
    options o;
    o.workers = workers;
    runtime rt{o};
    rt.run([&] { f(); });
  }

 private:
  // The first runtime of a process may open descriptors that stay.
  static void warm_up() {
    static const bool once = [] {
      runtime{}.run([] {});
      return true;
    }();
    (void)once;
  }

  std::size_t descriptors_before_ = 0;
};

}  // namespace weft::detail

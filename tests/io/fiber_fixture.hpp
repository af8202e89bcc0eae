// What the tests of I/O on fibers share: a runtime of each backend, and the sockets of poller_fixture.hpp.
#pragma once

#include "poller_fixture.hpp"

#include <atomic>
#include <thread>

#include <leak_check.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft::detail {

inline std::span<std::byte> bytes_of(std::span<char> chars) { return std::as_writable_bytes(chars); }

/// Fails the test that left something behind; a poller asserts by itself that it ends idle.
class OnFibers : public weft_test::leak_check, public testing::WithParamInterface<backend> {
 protected:
  void SetUp() override {
    setenv("WEFT_BACKEND", GetParam() == backend::uring ? "uring" : "epoll", 1);
    if (GetParam() == backend::uring && !make_poller({})) GTEST_SKIP() << "no io_uring here";
  }

  void TearDown() override { unsetenv("WEFT_BACKEND"); }

  /// Runs f in a fiber of a fresh runtime, and waits for all that it started.
  template <class F>
  void run(unsigned workers, F f) {
    options o;
    o.workers = workers;
    runtime rt{o};
    rt.run([&] { f(); });
  }
};

}  // namespace weft::detail

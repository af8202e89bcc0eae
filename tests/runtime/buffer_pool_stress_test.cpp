// buffer_pool on real threads, and what the kernel says of buffers that are pinned.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <system_error>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <everywhere.hpp>
#include <process_memory.hpp>
#include <weft/pools/bytes.hpp>
#include <weft/runtime/buffer_pool.hpp>
#include <weft/runtime/channel.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::kib;

buffer_pool_options small(std::size_t limit) {
  return {.kib4 = {.limit = limit, .checked = false}, .kib64 = {.limit = limit, .checked = false}};
}

TEST(BufferPoolStress, slices_end_on_all_threads_and_no_buffer_is_lost) {
  const int rounds = weft_test::scaled(4000);
  buffer_pool pool{small(5)};
  channel<bytes> on_the_way{2};
  weft_test::run_everywhere(2, [&](unsigned who) {
    for (int i = 0; i < rounds; ++i) {
      auto mine = i % 3 == 0 ? pool.acquire(60'000, 200us) : pool.acquire(60'000, 5s);
      if (!mine) continue;
      std::memset(mine->data(), static_cast<int>(who), 64);
      mine->resize(64);
      bytes whole{std::move(*mine)};
      // The other half ends with whoever takes it out of the channel.
      bytes half = whole.slice(32, 32);
      if (!on_the_way.try_send(std::move(half))) {
        if (const auto other = on_the_way.try_recv()) {
          for (const std::byte b : *other) ASSERT_EQ(b, (*other)[0]) << "somebody else has the memory";
        }
      }
      for (const std::byte b : whole) ASSERT_EQ(b, static_cast<std::byte>(who));
    }
    on_the_way.close();
    while (on_the_way.try_recv()) {}
  });
  while (on_the_way.try_recv()) {}
  const pool_stats stats = pool.stats(60'000);
  EXPECT_EQ(stats.in_use, 0u);
  EXPECT_LE(stats.high_water, 5u);
}

// In a process of its own, because limits and locked pages are the process's: whether `f` holds there.
template <class F>
bool holds_in_child(F f) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(f() ? 0 : 1);
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// The sanitizers make mlock() do nothing.
class BufferPoolPinned : public ::testing::Test {
 protected:
  void SetUp() override {
    if (weft_test::sanitized) GTEST_SKIP() << "no page is ever locked in this build";
  }
};

TEST_F(BufferPoolPinned, all_of_a_size_are_locked_until_the_pool_goes) {
  const std::size_t before = weft_test::status_bytes("VmLck");
  {
    buffer_pool pool{small(10)};
    if (const auto pinned = pool.pin(60'000); !pinned) GTEST_SKIP() << pinned.error().message();
    EXPECT_EQ(weft_test::status_bytes("VmLck"), before + 10 * 64 * kib);
    EXPECT_TRUE(pool.pin(65'536)) << "once is enough";
    EXPECT_EQ(weft_test::status_bytes("VmLck"), before + 10 * 64 * kib);
    EXPECT_FALSE(pool.trim());
    EXPECT_EQ(pool.stats(65'536).capacity, 10u) << "trimming does not count on what cannot be freed";
    std::vector<buffer> all;
    for (int i = 0; i < 10; ++i) {
      all.push_back(*pool.acquire(65'536));
      unsigned char resident[16];
      ASSERT_EQ(::mincore(all.back().data(), 64 * kib, resident), 0);
      for (const unsigned char page : resident) EXPECT_EQ(page & 1, 1);
    }
    EXPECT_EQ(weft_test::status_bytes("VmLck"), before + 10 * 64 * kib) << "these are the locked ones";
  }
  EXPECT_EQ(weft_test::status_bytes("VmLck"), before);
}

TEST_F(BufferPoolPinned, where_the_process_may_lock_less_none_is_locked_and_all_can_be_had) {
  const auto refused = [] {
    const rlimit little{.rlim_cur = 128 * kib, .rlim_max = 128 * kib};
    if (::setrlimit(RLIMIT_MEMLOCK, &little) != 0) return false;
    if (::geteuid() == 0 && ::setuid(65534) != 0) return false;  // root may lock what it likes
    buffer_pool pool{small(10)};
    const auto pinned = pool.pin(65'536);
    if (pinned || pinned.error() != std::errc::not_enough_memory) return false;
    if (weft_test::status_bytes("VmLck") != 0) return false;
    std::vector<buffer> all;
    for (int i = 0; i < 10; ++i) {
      auto one = pool.try_acquire(65'536);
      if (!one) return false;
      all.push_back(std::move(*one));
    }
    return !pool.try_acquire(65'536);
  };
  EXPECT_TRUE(holds_in_child(refused));
}

TEST_F(BufferPoolPinned, waits_for_those_in_use) {
  runtime rt{{.workers = 1}};
  rt.block_on([] {
    buffer_pool pool{small(2)};
    auto held = pool.acquire(1);
    EXPECT_EQ(pool.pin(1, 10ms).error(), errc::deadline_exceeded);
    EXPECT_TRUE(pool.try_acquire(1)) << "it has taken nothing away";
    held->resize(1);
    *held = buffer{};
    const auto pinned = pool.pin(1, 10s);
    EXPECT_TRUE(pinned || pinned.error().category() == std::system_category());
  });
}

}  // namespace
}  // namespace weft

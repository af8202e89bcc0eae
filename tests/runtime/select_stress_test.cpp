// select on real threads: what the simulator cannot judge, the memory orders, under ThreadSanitizer; and that
// it allocates nothing.
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <everywhere.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/select.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace {

std::atomic<long> allocations{0};  // std::atomic, because the test counts, not weft

}  // namespace

#if !WEFT_ASAN && !WEFT_TSAN  // which have their own
// Not inlined: GCC would see free() of what it takes for operator new's.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* const p = std::malloc(size)) return p;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }
#endif

namespace weft {
namespace {

using namespace std::chrono_literals;
using weft_test::scaled;

constexpr auto nothing = [](auto&&...) {};

// Senders put each value into whichever channel takes it, receivers take from whichever has one; the sum
// shows that each came once.
void exchange(std::size_t capacity) {
  constexpr int senders = 6, receivers = 6;
  const int each = scaled(10'000);
  runtime rt{{.workers = 4}};
  channel<std::unique_ptr<long>> a{capacity}, b{capacity};
  std::atomic<int> sending{senders};
  std::atomic<long> sum{0}, received{0};
  const auto sends = [&](bool timed) {
    for (long i = 1; i <= each; ++i) {
      auto value = std::make_unique<long>(i);
      while (value != nullptr)
        ASSERT_TRUE(select(on_send(a, value, nothing), on_send(b, value, nothing),
                           when(timed, on_timeout(20us, nothing))));
    }
    if (--sending == 0) {
      a.close();
      b.close();
    }
  };
  const auto receives = [&](bool timed) {
    bool open[2] = {true, true};
    const auto take = [&](auto& of, result<std::unique_ptr<long>> v) {
      if (!v) {
        open[&of == &b] = false;
        return;
      }
      sum += **v;
      ++received;
    };
    while (open[0] || open[1])
      ASSERT_TRUE(select(when(open[0], on_recv(a, [&](auto v) { take(a, std::move(v)); })),
                         when(open[1], on_recv(b, [&](auto v) { take(b, std::move(v)); })),
                         when(timed, on_timeout(20us, nothing))));
  };
  weft_test::run_both_ways(rt, senders, receivers, /*period=*/3, sends, receives);
  EXPECT_EQ(received, static_cast<long>(senders) * each);
  EXPECT_EQ(sum, static_cast<long>(senders) * each * (each + 1) / 2);
}

TEST(SelectStress, unbuffered) { exchange(0); }
TEST(SelectStress, of_capacity_1) { exchange(1); }
TEST(SelectStress, of_capacity_64) { exchange(64); }

// Things of other kinds come true on another worker or thread, and die as soon as they have been seen.
TEST(SelectStress, waits_for_events_joins_and_stops) {
  runtime rt{{.workers = 3}};
  const auto rounds = [&rt] {
    for (int i = 0; i < scaled(3000); ++i) {
      event e;
      wait_group g;
      std::stop_source s;
      int data = 0;
      g.add();
      auto ends = rt.spawn([&, i] {
        data = i;
        switch (i % 4) {
          case 0: e.set(); break;
          case 1: g.done(); break;
          case 2: s.request_stop(); break;
          default: break;
        }
        return i;
      });
      const auto seen = select(on_set(e, nothing), on_done(g, nothing), on_stop(s.get_token(), nothing),
                               on_done(ends, nothing));
      ASSERT_TRUE(seen == static_cast<std::size_t>(i % 4) || seen == 3u);
      ASSERT_EQ(data, i);
      ASSERT_EQ(ends.join(), i);
    }
  };
  std::jthread thread{rounds};
  rt.block_on(rounds);
}

TEST(SelectStress, allocates_nothing) {
  runtime rt{{.workers = 1}};
  rt.block_on([] {
    channel<int> there{0}, back{0};
    event never;
    std::stop_source source;
    auto answers = spawn([&] {
      for (bool open = true; open;) {
        int n = 0;
        (void)select(on_recv(there, [&](auto r) { r ? n = *r : open = false; }), on_set(never, nothing));
        if (open) (void)select(on_send(back, n, nothing), on_stop(source.get_token(), nothing));
      }
    });
    const auto round = [&](int i) {
      int n = i;
      (void)select(on_send(there, n, nothing), on_timeout(1h, nothing), on_done(answers, nothing));
      (void)select(on_recv(back, [&](auto r) { EXPECT_EQ(r, i); }), on_stop(source.get_token(), nothing));
    };
    for (int i = 0; i < 10; ++i) round(i);
    const long before = allocations;  // with sanitizers it stays zero
    for (int i = 0; i < 1000; ++i) round(i);
    EXPECT_EQ(allocations - before, 0);
    there.close();
    answers.join();
  });
}

}  // namespace
}  // namespace weft

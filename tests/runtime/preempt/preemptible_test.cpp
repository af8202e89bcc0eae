// Regions in which a fiber is switched out at any instruction, on real workers.
#include <weft/runtime/preempt/preemptible.hpp>

#include <array>
#include <atomic>
#include <cfenv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <build_kind.hpp>
#include <leak_check.hpp>
#include <reports.hpp>
#include <weft/runtime/context/valgrind.hpp>
#include <weft/runtime/inspect/fibers.hpp>
#include <weft/runtime/preempt/side_buffer.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/trace/chrome_json.hpp>
#include <weft/runtime/trace/tracer.hpp>
#include <with_workers.hpp>

#include "busy.hpp"

namespace weft {
namespace {

using namespace std::chrono_literals;
using weft_test::compute;
using weft_test::cpu_seconds;

options sliced(unsigned workers, std::chrono::nanoseconds slice = 10ms) {
  options o = weft_test::with_workers(workers);
  o.slice = slice;
  return o;
}

detail::preempt_counters& counters() { return detail::worker::current()->preemption().counters; }

class Preemptible : public weft_test::leak_check {
 protected:
  void SetUp() override {
    if (detail::side_buffer::wanted() == 0)
      GTEST_SKIP() << "regions are not preempted on this processor, or under the sanitizers";
  }
};

TEST(PreemptibleAnywhere, gives_what_f_gives_and_throws_what_it_throws) {
  EXPECT_EQ(preemptible([] { return 7; }), 7);  // on a foreign thread
  run([] {
    int x = 1;
    EXPECT_EQ(&preemptible([&]() -> int& { return x; }), &x);
    EXPECT_THROW(preemptible([] { throw 5; }), int);
    EXPECT_EQ(detail::current_fiber()->region.get(), detail::region_mark::none);
    EXPECT_EQ(preemptible([] { return preemptible([] { return 3; }); }), 3);
  });
}

TEST(PreemptibleAnywhere, marks_nest) {
  const preempt_guard nothing_to_guard;
  run([] {
    using namespace detail::region_mark;
    const auto mark = [] { return detail::current_fiber()->region.get(); };
    preemptible([&] {
      EXPECT_EQ(mark(), open);
      {
        const preempt_guard outer;
        EXPECT_NE(mark(), open);
        {
          const preempt_guard inner;
          EXPECT_NE(mark(), open);
        }
        EXPECT_NE(mark(), open) << "the outer guard is still there";
        preemptible([&] { EXPECT_NE(mark(), open) << "a guard goes before a region"; });
      }
      EXPECT_EQ(mark(), open);
    });
    EXPECT_EQ(mark(), none);
  });
}

// Two on one worker, which never yield, take turns.
TEST_F(Preemptible, two_computations_alternate) {
  struct turns {
    std::atomic<int> last{-1};
    std::atomic<int> alternations{0};
  } t;
  const auto work = [&t](int me) {
    return preemptible([&t, me] {
      const double end = cpu_seconds() + 2;  // of the thread, so they share it
      std::uint64_t x = 1;
      while (cpu_seconds() < end) {
        for (int i = 0; i < 10; ++i) x = compute(x);
        if (t.last.exchange(me) != me) t.alternations.fetch_add(1);
      }
      return x;
    });
  };
  run(
      [&] {
        auto first = spawn([&] { return work(1); });
        auto second = spawn([&] { return work(2); });
        first.join();
        second.join();
        EXPECT_GE(t.alternations.load(), 50);
        EXPECT_GE(counters().preemptions.get(), 49u);
      },
      sliced(1));
}

// A trace tells it from a yield.
TEST_F(Preemptible, is_traced) {
  ASSERT_TRUE(trace::start());
  run(
      [] {
        std::atomic<bool> other_ran{false};
        auto hog = spawn([&] {
          preemptible([&] {
            std::uint64_t x = 1;
            while (!other_ran.load()) x = compute(x);
          });
        });
        auto other = spawn([&] { other_ran.store(true); });
        hog.join();
        other.join();
        this_fiber::yield();
      },
      sliced(1));
  trace::stop();
  EXPECT_NE(trace::to_chrome(trace::snapshot()).find("was preempted"), std::string::npos);
}

// Frames that only the unwinding tables tell of. The results are used: no tail calls.
#if defined(__clang__)
#define WITHOUT_FRAME_POINTER [[gnu::noinline]]
#else
#define WITHOUT_FRAME_POINTER [[gnu::noinline, gnu::optimize("omit-frame-pointer")]]
#endif

WITHOUT_FRAME_POINTER std::uint64_t innermost_computation(const std::atomic<bool>& enough) {
  volatile std::uint64_t local[4]{};
  std::uint64_t x = 1;
  while (!enough.load()) x = compute(x);
  local[0] = x;
  return local[0];
}

WITHOUT_FRAME_POINTER std::uint64_t middle_computation(const std::atomic<bool>& enough) {
  volatile std::uint64_t local[9]{};
  local[3] = innermost_computation(enough);
  return local[3] + 1;
}

WITHOUT_FRAME_POINTER std::uint64_t outermost_computation(const std::atomic<bool>& enough) {
  volatile std::uint64_t local[20]{};
  local[7] = middle_computation(enough);
  return local[7] + 1;
}

TEST_F(Preemptible, has_a_backtrace) {
  std::string dump;
  run(
      [&] {
        std::atomic<bool> enough{false};
        auto hog = spawn([&] { return preemptible([&] { return outermost_computation(enough); }); },
                         {.name = "computes", .stack = stack_class::kib64});
        auto other = spawn(
            [&] {
              std::ostringstream out;
              dump_fibers(out);
              dump = out.str();
              enough.store(true);
            },
            {.stack = stack_class::kib256});
        hog.join();
        other.join();
      },
      sliced(1));
  const std::size_t from = dump.find("\"computes\"");
  ASSERT_NE(from, std::string::npos) << dump;
  std::size_t at = from;
  for (const char* name : {"innermost_computation", "middle_computation", "outermost_computation"}) {
    at = dump.find(name, at);
    EXPECT_NE(at, std::string::npos) << name << " is not in, or not in this order:\n" << dump;
  }
}

TEST_F(Preemptible, a_guard_keeps_it_on_its_worker) {
  run(
      [] {
        std::atomic<bool> other_ran{false};
        auto guarded = spawn([&] {
          return preemptible([&] {
            const preempt_guard whole;
            const double end = cpu_seconds() + 0.2;
            std::uint64_t x = 1;
            while (cpu_seconds() < end) x = compute(x);
            return other_ran.load();
          });
        });
        auto other = spawn([&] { other_ran.store(true); });
        EXPECT_FALSE(guarded.join());
        other.join();
        EXPECT_EQ(counters().preemptions.get(), 0u);
        EXPECT_GE(counters().refused.get(), 1u);
      },
      sliced(1));
}

TEST_F(Preemptible, is_refused_while_an_exception_is_in_flight) {
  run(
      [] {
        std::atomic<bool> other_ran{false};
        auto catcher = spawn([&] {
          return preemptible([&] {
            try {
              throw 1;
            } catch (int) {
              const double end = cpu_seconds() + 0.2;
              std::uint64_t x = 1;
              while (cpu_seconds() < end) x = compute(x);
              return other_ran.load();
            }
          });
        });
        auto other = spawn([&] { other_ran.store(true); });
        EXPECT_FALSE(catcher.join());
        other.join();
        EXPECT_EQ(counters().preemptions.get(), 0u);
      },
      sliced(1));
}

TEST_F(Preemptible, checkpoints_are_allowed_and_timers_go_on) {
  run(
      [] {
        std::atomic<bool> slept{false};
        auto sleeper = spawn([&] {
          this_fiber::sleep_for(20ms);  // real time: slices are
          slept.store(true);
        });
        const bool in_time = preemptible([&] {
          const double end = cpu_seconds() + 10;
          std::uint64_t x = 1;
          for (int i = 0; !slept.load(); ++i) {
            x = compute(x);
            if (i % 64 == 0 && !this_fiber::checkpoint()) return false;
            if (cpu_seconds() > end) return false;
          }
          return true;
        });
        EXPECT_TRUE(in_time);
        sleeper.join();
      },
      sliced(1));
}

// --- nothing is lost

// Doubles, in an order that is fixed, so that a second run must give the same bits.
[[gnu::noinline]] double scalar_work(double x, int rounds) {
  for (int i = 0; i < rounds; ++i) x = std::fma(x, 1.0000001, 1e-9) + 0.5 / (x + 1.0);
  return x;
}

// All vector registers at once; the compiler chooses which of the widest there are.
template <class Vector>
WEFT_ALWAYS_INLINE double vector_work(int rounds) {
  constexpr int registers = 12;
  Vector v[registers];
  constexpr int lanes = sizeof(Vector) / sizeof(double);
  for (int r = 0; r < registers; ++r)
    for (int l = 0; l < lanes; ++l) v[r][l] = 1.0 + r + 0.125 * l;
  for (int i = 0; i < rounds; ++i)
    for (int r = 0; r < registers; ++r) v[r] = v[r] * 0.9999999 + v[(r + 1) % registers] * 1e-7;
  double sum = 0;
  for (int r = 0; r < registers; ++r)
    for (int l = 0; l < lanes; ++l) sum += v[r][l];
  return sum;
}

using wide = double __attribute__((vector_size(64)));
using narrow = double __attribute__((vector_size(16)));

[[gnu::noinline]] double narrow_work(int rounds) { return vector_work<narrow>(rounds); }
#if defined(__x86_64__)
[[gnu::noinline, gnu::target("avx512f")]] double wide_work(int rounds) {
  constexpr int registers = 12;
  wide v[registers];
  for (int r = 0; r < registers; ++r)
    for (int l = 0; l < 8; ++l) v[r][l] = 1.0 + r + 0.125 * l;
  for (int i = 0; i < rounds; ++i)
    for (int r = 0; r < registers; ++r) v[r] = v[r] * 0.9999999 + v[(r + 1) % registers] * 1e-7;
  double sum = 0;
  for (int r = 0; r < registers; ++r)
    for (int l = 0; l < 8; ++l) sum += v[r][l];
  return sum;
}
bool has_wide() { return __builtin_cpu_supports("avx512f") != 0; }
#else
double wide_work(int rounds) { return narrow_work(rounds); }
bool has_wide() { return false; }
#endif

// A leaf uses the red zone; a deep stack is filled and summed on the way back.
[[gnu::noinline]] std::uint64_t deep_work(int depth, std::uint64_t seed) {
  std::array<std::uint64_t, 16> frame;
  for (std::uint64_t& word : frame) word = seed = seed * 6364136223846793005u + 1442695040888963407u;
  asm volatile("" : : "r"(frame.data()) : "memory");
  std::uint64_t sum = depth == 0 ? compute(seed) : deep_work(depth - 1, seed);
  for (const std::uint64_t word : frame) sum ^= word * 31;
  return sum;
}

[[gnu::noinline]] long double x87_work(int rounds) {
  long double x = 1;
  for (int i = 0; i < rounds; ++i) x = x * 1.0000001L + 1e-9L;
  return x;
}

// What each kind of fiber computes over and over, as bits.
template <class T>
std::uint64_t bits(T value) {
  std::uint64_t out = 0;
  std::memcpy(&out, &value, std::min(sizeof out, sizeof value));
  return out;
}

std::uint64_t work(int kind) {
  switch (kind) {
    case 0: return bits(scalar_work(1.5, 20'000));
    case 1: return bits(narrow_work(2'000));
    case 2: return has_wide() ? bits(wide_work(2'000)) : bits(narrow_work(2'000));
    case 3: return deep_work(100, 7);
    case 4: return bits(x87_work(20'000));
    default: return compute(3);
  }
}
constexpr int kinds = 6;

int preemptions_wanted() {
  const char* const soak = std::getenv("WEFT_SOAK");
  return soak != nullptr && *soak != '\0' ? 10'000 : 200;
}

// Every kind of register is in use when the fiber is switched out, next to fibers that use them otherwise.
TEST_F(Preemptible, forced_preemptions_corrupt_nothing) {
  run(
      [] {
        std::array<std::uint64_t, kinds> expected;
        for (int k = 0; k < kinds; ++k) expected[static_cast<std::size_t>(k)] = work(k);
        const auto wanted = static_cast<std::uint64_t>(preemptions_wanted());
        std::vector<task<int>> all;
        all.reserve(2 * kinds);
        for (int i = 0; i < 2 * kinds; ++i) {
          const int k = i % kinds;
          all.push_back(spawn([k, wanted, right = expected[static_cast<std::size_t>(k)], &seen = counters()] {
            return preemptible([&] {
              int wrong = 0;
              while (seen.preemptions.get() < wanted) wrong += work(k) != right;
              return wrong;
            });
          }));
        }
        for (auto& t : all) EXPECT_EQ(t.join(), 0);
        EXPECT_GE(counters().preemptions.get(), wanted);
      },
      sliced(1, 500us));
}

// The smallest stack holds a preemption, for what the processor saves lies elsewhere.
TEST_F(Preemptible, works_on_the_smallest_stack) {
  run(
      [] {
        std::vector<task<int>> all;
        all.reserve(3);
        for (int i = 0; i < 3; ++i)
          all.push_back(spawn(
              [&seen = counters()] {
                return preemptible([&] {
                  int wrong = 0;
                  const std::uint64_t right = compute(3);
                  while (seen.preemptions.get() < 50) wrong += compute(3) != right;
                  return wrong;
                });
              },
              {.stack = stack_class::kib4}));
        for (auto& t : all) EXPECT_EQ(t.join(), 0);
      },
      sliced(1, 500us));
}

// Rounding belongs to the region that changed it: the next fiber has the default, and it comes back.
TEST_F(Preemptible, the_rounding_mode_stays_with_its_fiber) {
  run(
      [] {
        std::atomic<int> rounded_otherwise{0};
        std::atomic<bool> over{false};
        auto rounds_up = spawn([&] {
          return preemptible([&] {
            std::fesetround(FE_UPWARD);
            std::uint64_t x = 1;
            bool kept = true;
            while (counters().preemptions.get() < 20) {
              x = compute(x);
              kept &= std::fegetround() == FE_UPWARD;
            }
            std::fesetround(FE_TONEAREST);
            over.store(true);
            return kept;
          });
        });
        auto looks = spawn([&] {
          while (!over.load()) {
            rounded_otherwise += std::fegetround() != FE_TONEAREST;
            this_fiber::yield();
          }
        });
        EXPECT_TRUE(rounds_up.join());
        looks.join();
        EXPECT_EQ(rounded_otherwise.load(), 0);
      },
      sliced(1, 500us));
}

/// From here on no thread gets an alternate stack.
bool refuse_alternate_stacks() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sigaltstack, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{.len = std::size(program), .filter = program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0;
}

// Where there was no memory for one, the handler would run on the fiber's own.
TEST(PreemptibleDeathTest, no_signal_without_an_alternate_stack) {
  if (weft_test::sanitized) GTEST_SKIP() << "the sanitizers want one themselves";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        if (!refuse_alternate_stacks()) _exit(1);
        run(
            [] {
              spawn(
                  [] {
                    preemptible([] {
                      for (const double end = cpu_seconds() + 0.1; cpu_seconds() < end;) (void)compute(1);
                    });
                  },
                  {.stack = stack_class::kib4})
                  .join();
              const detail::preempt_counters& c = counters();
              _exit(c.preemptions.get() + c.refused.get() == 0 ? 0 : 2);
            },
            sliced(1));
      },
      testing::ExitedWithCode(0), "");
}

// What all of a program has, -ffast-math for one, its workers have inherited.
TEST_F(Preemptible, the_environment_of_the_thread_comes_back) {
  std::fesetround(FE_UPWARD);
  runtime rt{sliced(1, 500us)};
  std::fesetround(FE_TONEAREST);
  rt.block_on([] {
    std::atomic<int> rounded_otherwise{0};
    std::atomic<bool> over{false};
    auto looks = spawn([&] {
      while (!over.load()) {
        rounded_otherwise += std::fegetround() != FE_UPWARD;
        this_fiber::yield();
      }
    });
    preemptible([&] {
      while (counters().preemptions.get() < 20) (void)compute(1);
    });
    over.store(true);
    looks.join();
    EXPECT_EQ(rounded_otherwise.load(), 0);
  });
}

TEST_F(Preemptible, buffers_are_given_back) {
  run(
      [] {
        std::vector<task<void>> all;
        all.reserve(100);
        for (int i = 0; i < 100; ++i)
          all.push_back(spawn([] { preemptible([] { (void)this_fiber::checkpoint(); }); }));
        for (auto& t : all) t.join();
        const detail::side_buffers& buffers = detail::worker::current()->preemption().buffers;
        EXPECT_LE(buffers.made(), 4u);
      },
      sliced(1));
}

}  // namespace
}  // namespace weft

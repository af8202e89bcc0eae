// What the monitor decides, tick by tick, in virtual time.
#include <weft/runtime/preempt/hog_watch.hpp>

#include <gtest/gtest.h>

namespace weft {
namespace {

using detail::hog_verdict;
using detail::hog_watch;
using detail::report_rate;
using detail::worker_pulse;

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t slice = 10 * ms, stall = 100 * ms;

// One worker, whose thread computes all the time unless a test says otherwise, looked at once a slice.
class HogWatch : public testing::Test {
 protected:
  hog_verdict tick() {
    now_ += slice;
    if (computes_) cpu_ += slice;
    return watch_.look(pulse_, now_, cpu_, in_region_, [&] {
      ++asked_the_kernel_;
      return sleeps_;
    });
  }

  int fiber_ = 0, other_ = 0;
  worker_pulse pulse_{.running = &fiber_, .budget = 16, .pass = 1};
  hog_watch watch_{slice, stall, /*eager=*/false};
  std::int64_t now_ = 5 * ms, cpu_ = 0;
  bool computes_ = true, in_region_ = false, sleeps_ = false;
  int asked_the_kernel_ = 0;
};

TEST_F(HogWatch, a_fiber_that_yields_from_a_full_batch_is_none) {
  for (int i = 0; i < 200; ++i) {
    if (--pulse_.budget == 0) {
      pulse_.budget = 128;
      ++pulse_.pass;
    }
    const hog_verdict v = tick();
    ASSERT_FALSE(v.take_over || v.preempt || v.stalled) << "tick " << i;
  }
  EXPECT_EQ(asked_the_kernel_, 0);
}

TEST_F(HogWatch, the_same_fiber_in_another_pass_is_none) {
  for (int i = 0; i < 50; ++i) {
    ++pulse_.pass;
    ASSERT_FALSE(tick().take_over);
  }
}

TEST_F(HogWatch, is_found_at_the_second_look_and_asked_once) {
  EXPECT_FALSE(tick().preempt);
  const hog_verdict second = tick();
  EXPECT_TRUE(second.preempt);
  EXPECT_TRUE(second.take_over);
  const hog_verdict third = tick();
  EXPECT_FALSE(third.preempt);
  EXPECT_TRUE(third.take_over) << "what comes later is taken over as well";
}

TEST_F(HogWatch, is_found_at_the_second_look_though_the_first_was_late) {
  now_ += ms / 10;
  EXPECT_FALSE(tick().preempt);
  now_ -= ms / 10;
  EXPECT_TRUE(tick().preempt);
}

TEST_F(HogWatch, is_asked_again_while_it_is_in_a_region) {
  in_region_ = true;
  tick();
  EXPECT_TRUE(tick().preempt);
  EXPECT_TRUE(tick().preempt);
}

TEST_F(HogWatch, a_stall_is_told_once_and_not_early) {
  tick();
  for (int held = 10; held < 100; held += 10) ASSERT_FALSE(tick().stalled) << held << " ms";
  const hog_verdict v = tick();
  EXPECT_TRUE(v.stalled);
  EXPECT_FALSE(v.blocked);
  EXPECT_EQ(v.held_ns, 100 * ms);
  for (int i = 0; i < 100; ++i) ASSERT_FALSE(tick().stalled);
}

TEST_F(HogWatch, the_next_fiber_is_a_stall_of_its_own) {
  for (int i = 0; i < 11; ++i) tick();
  pulse_.running = &other_;
  --pulse_.budget;
  int stalls = 0;
  for (int i = 0; i < 20; ++i) stalls += tick().stalled;
  EXPECT_EQ(stalls, 1);
}

TEST_F(HogWatch, a_thread_that_gets_no_processor_is_nobodys_fault) {
  computes_ = false;
  for (int i = 0; i < 50; ++i) {
    const hog_verdict v = tick();
    ASSERT_FALSE(v.preempt || v.stalled);
  }
}

TEST_F(HogWatch, a_fiber_that_sleeps_in_a_system_call_stalls_and_gets_no_signal) {
  computes_ = false;
  sleeps_ = in_region_ = true;
  int stalls = 0;
  for (int i = 0; i < 20; ++i) {
    const hog_verdict v = tick();
    ASSERT_FALSE(v.preempt);
    stalls += v.stalled && v.blocked;
  }
  EXPECT_EQ(stalls, 1);
}

TEST_F(HogWatch, one_that_computed_and_now_sleeps_gets_no_signal) {
  sleeps_ = true;
  tick();
  EXPECT_FALSE(tick().preempt);
}

TEST_F(HogWatch, eager_it_tells_of_a_system_call_at_the_second_look) {
  watch_ = hog_watch{slice, 0, /*eager=*/true};
  computes_ = false;
  sleeps_ = true;
  EXPECT_FALSE(tick().stalled);
  EXPECT_TRUE(tick().stalled);
  EXPECT_FALSE(tick().stalled);
}

TEST_F(HogWatch, eager_it_says_nothing_of_one_that_computes) {
  watch_ = hog_watch{slice, 0, /*eager=*/true};
  for (int i = 0; i < 50; ++i) ASSERT_FALSE(tick().stalled);
}

TEST_F(HogWatch, wefts_own_code_gets_no_signal_but_is_a_stall) {
  pulse_.running = nullptr;
  int stalls = 0;
  for (int i = 0; i < 20; ++i) {
    const hog_verdict v = tick();
    ASSERT_FALSE(v.preempt);
    stalls += v.stalled;
  }
  EXPECT_EQ(stalls, 1);
}

TEST_F(HogWatch, a_fiber_that_calls_on_the_threads_stack_over_and_over_is_a_stall) {
  int stalls = 0;
  for (int i = 0; i < 20; ++i) {
    pulse_.running = i % 2 == 0 ? &fiber_ : nullptr;
    stalls += tick().stalled;
  }
  EXPECT_EQ(stalls, 1);
}

TEST_F(HogWatch, two_fibers_are_two_though_a_call_on_the_threads_stack_lies_between) {
  for (int i = 0; i < 30; ++i) {
    constexpr int turn = 6;
    pulse_.running = i % 3 == 0 ? nullptr : i / turn % 2 == 0 ? &fiber_ : &other_;
    ASSERT_FALSE(tick().stalled) << "tick " << i;
  }
}

TEST_F(HogWatch, a_worker_that_sleeps_is_left_alone) {
  pulse_ = {.running = nullptr, .pass = 7, .asleep = true};
  for (int i = 0; i < 50; ++i) {
    const hog_verdict v = tick();
    ASSERT_FALSE(v.take_over || v.stalled);
  }
  EXPECT_EQ(asked_the_kernel_, 0);
}

TEST_F(HogWatch, without_a_slice_only_the_stall_is_left) {
  watch_ = hog_watch{0, stall, /*eager=*/false};
  int stalls = 0;
  for (int i = 0; i < 20; ++i) {
    const hog_verdict v = tick();
    ASSERT_FALSE(v.preempt || v.take_over);
    stalls += v.stalled;
  }
  EXPECT_EQ(stalls, 1);
}

TEST_F(HogWatch, without_a_stall_nothing_is_told) {
  watch_ = hog_watch{slice, 0, /*eager=*/false};
  for (int i = 0; i < 50; ++i) ASSERT_FALSE(tick().stalled);
}

TEST(ReportRate, admits_one_a_second_and_counts_the_others) {
  report_rate rate;
  EXPECT_TRUE(rate.admit(1));
  EXPECT_FALSE(rate.admit(500 * ms));
  EXPECT_FALSE(rate.admit(999 * ms));
  EXPECT_TRUE(rate.admit(1001 * ms));
  EXPECT_EQ(rate.take_suppressed(), 2u);
  EXPECT_EQ(rate.take_suppressed(), 0u);
}

}  // namespace
}  // namespace weft

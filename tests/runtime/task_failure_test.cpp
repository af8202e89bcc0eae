// task: who hears of a failure that nobody has taken.
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <task_fixture.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using weft_test::in_fiber;
using weft_test::reports;
using weft_test::Task;
using weft_test::with_workers;

TEST_F(Task, a_failure_that_nobody_joined_is_reported_with_name_and_place) {
  in_fiber([] {
    {
      const task<void> t = spawn([] { throw std::runtime_error{"out of luck"}; }, {.name = "loser"});
    }
    const auto all = reports::take();
    ASSERT_EQ(all.size(), 1u);
    EXPECT_NE(all[0].find("\"loser\""), std::string::npos) << all[0];
    EXPECT_NE(all[0].find("out of luck"), std::string::npos) << all[0];
    EXPECT_NE(all[0].find("task_failure_test.cpp:"), std::string::npos) << all[0];
  });
}

TEST_F(Task, an_error_value_that_nobody_joined_is_reported_unless_it_is_canceled) {
  in_fiber([] {
    {
      const auto t =
          spawn([]() -> result<void> { return std::unexpected(errc::protocol); }, {.name = "speaker"});
    }
    const auto all = reports::take();
    ASSERT_EQ(all.size(), 1u);
    EXPECT_NE(all[0].find("\"speaker\""), std::string::npos) << all[0];
    EXPECT_NE(all[0].find(make_error_code(errc::protocol).message()), std::string::npos) << all[0];
    {
      const auto t = spawn([]() -> result<void> { return this_fiber::sleep_until(deadline::never()); });
    }
    {
      const auto t = spawn([] { return 5; });
    }
  });
}

TEST_F(Task, failures_of_detached_fibers_are_reported) {
  in_fiber([] {
    go([] { throw std::runtime_error{"first"}; });
    go([]() -> result<void> { return std::unexpected(errc::limit); });
    go([]() -> result<void> { return std::unexpected(errc::canceled); });
    go([] { throw 42; });
    task<int> t = spawn([]() -> int { throw std::runtime_error{"second"}; });
    t.detach();
    task<int> late = spawn([]() -> int { throw std::runtime_error{"third"}; });
    for (int i = 0; i < 5; ++i) this_fiber::yield();
    late.detach();  // after the end
    const auto all = reports::take();
    EXPECT_EQ(all.size(), 5u);
    for (const char* const text : {"first", "second", "third", "not a std::exception"})
      EXPECT_EQ(reports::with(all, text), 1u) << text;
  });
}

TEST_F(Task, a_failure_that_was_taken_is_not_reported) {
  in_fiber([] {
    EXPECT_THROW(spawn([] { throw 1; }).join(), int);
    EXPECT_FALSE(spawn([]() -> result<void> { return std::unexpected(errc::limit); }).join());
  });
}

TEST_F(Task, a_foreign_thread_reports_too) {
  runtime rt{with_workers(2)};
  {
    const task<void> t = rt.spawn([] { throw std::runtime_error{"from outside"}; });
  }
  EXPECT_EQ(reports::with(reports::take(), "from outside"), 1u);
}

TEST(TaskDeathTest, terminate_on_exception_ends_the_process_after_the_report) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        options o;
        o.workers = 1;
        o.terminate_on_exception = true;
        run(
            [] {
              go([] { throw std::runtime_error{"the last word"}; });
              this_fiber::sleep_until(deadline::never());
            },
            o);
      },
      "the last word");
}

}  // namespace
}  // namespace weft

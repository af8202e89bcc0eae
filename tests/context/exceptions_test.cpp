// Exceptions in flight follow their fiber.
#include <weft/runtime/context/exceptions.hpp>

#include <gtest/gtest.h>

#include <exception>
#include <stdexcept>
#include <string>

#include "coroutine.hpp"

namespace weft::test {
namespace {

TEST(Exceptions, two_fibers_suspended_in_catch_each_rethrow_their_own) {
  const test_stack stacks[2];
  std::string caught[2];
  const auto body = [&](int index, const char* what) {
    return [&caught, index, what] {
      try {
        try {
          throw std::runtime_error(what);
        } catch (...) {
          coroutine::suspend();
          throw;
        }
      } catch (const std::runtime_error& e) {
        caught[index] = e.what();
      }
    };
  };
  coroutine a(stacks[0], body(0, "a"));
  coroutine b(stacks[1], body(1, "b"));
  a.resume();
  b.resume();
  EXPECT_FALSE(a.resume());
  EXPECT_FALSE(b.resume());
  EXPECT_EQ(caught[0], "a");
  EXPECT_EQ(caught[1], "b");
}

TEST(Exceptions, what_one_fiber_catches_no_other_sees) {
  const test_stack stack;
  coroutine c(stack, [] {
    try {
      throw 1;
    } catch (int) {
      coroutine::suspend();
      EXPECT_NE(std::current_exception(), nullptr);
    }
    EXPECT_EQ(std::current_exception(), nullptr);
  });
  c.resume();
  EXPECT_EQ(std::current_exception(), nullptr);
  EXPECT_FALSE(detail::exception_in_flight(detail::thread_exception_state()));
  c.resume();
  EXPECT_TRUE(c.ended());
}

struct suspends_in_destructor {
  int* uncaught_after;
  ~suspends_in_destructor() {
    coroutine::suspend();
    *uncaught_after = std::uncaught_exceptions();
  }
};

TEST(Exceptions, a_fiber_may_suspend_while_it_unwinds) {
  const test_stack stack;
  int uncaught_after = -1;
  bool caught = false;
  coroutine c(stack, [&] {
    try {
      const suspends_in_destructor unwound{&uncaught_after};
      throw std::runtime_error("out");
    } catch (const std::runtime_error&) {
      caught = true;
    }
  });
  c.resume();
  EXPECT_EQ(std::uncaught_exceptions(), 0);
  EXPECT_FALSE(c.resume());
  EXPECT_EQ(uncaught_after, 1);
  EXPECT_TRUE(caught);
}

TEST(Exceptions, nested_handlers_survive_a_suspension_in_the_innermost) {
  const test_stack stack;
  std::string order;
  coroutine c(stack, [&] {
    try {
      throw std::string("outer");
    } catch (const std::string& outer) {
      try {
        throw std::string("inner");
      } catch (const std::string& inner) {
        coroutine::suspend();
        order += inner;
      }
      coroutine::suspend();
      order += outer;
    }
  });
  while (c.resume()) {
    try {
      throw 1;  // the thread's own exceptions come and go meanwhile
    } catch (int) {}
  }
  EXPECT_EQ(order, "innerouter");
}

TEST(Exceptions, the_resumer_may_be_in_a_handler_too) {
  const test_stack stack;
  coroutine c(stack, [] {
    EXPECT_EQ(std::current_exception(), nullptr);
    coroutine::suspend();
  });
  try {
    throw std::runtime_error("mine");
  } catch (const std::runtime_error&) {
    c.resume();
    try {
      throw;
    } catch (const std::runtime_error& again) {
      EXPECT_STREQ(again.what(), "mine");
    }
    c.resume();
  }
}

TEST(Exceptions, thrown_and_caught_across_many_frames_of_a_fiber) {
  const test_stack stack;
  int caught = 0;
  coroutine c(stack, [&] {
    for (int i = 0; i < 100; ++i) {
      try {
        std::string(3, 'x').at(static_cast<std::size_t>(i) + 3);
      } catch (const std::out_of_range&) {
        ++caught;
      }
      coroutine::suspend();
    }
  });
  while (c.resume()) continue;
  EXPECT_EQ(caught, 100);
}

}  // namespace
}  // namespace weft::test

// fiber_local: whose value it is, how long it lives, who inherits it; on fibers of several workers and on
// foreign threads.
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <leak_check.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/fiber_local.hpp>
#include <weft/runtime/join_set.hpp>
#include <weft/runtime/nursery.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/wait_group.hpp>
#include <weft/runtime/with_deadline.hpp>

namespace weft {
namespace {

class FiberLocal : public weft_test::leak_check {};

/// Writes its name down when it is destroyed.
struct mourned {
  explicit mourned(std::vector<std::string>& log_, std::string name_ = {})
      : log{&log_}, name{std::move(name_)} {}
  mourned(const mourned&) = default;
  mourned& operator=(const mourned&) = default;
  ~mourned() {
    if (!name.empty()) log->push_back(name);
  }
  std::vector<std::string>* log;
  std::string name;
};

TEST_F(FiberLocal, each_fiber_begins_with_the_initial_value) {
  fiber_local<int> zero, five{5};
  run([&] {
    EXPECT_EQ(zero.get_if(), nullptr);
    EXPECT_EQ(*zero, 0);
    EXPECT_EQ(*five, 5);
    *zero = *five = 1;
    spawn([&] {
      EXPECT_EQ(five.get_if(), nullptr);
      EXPECT_EQ(*zero + *five, 5);
      *five = 9;
    }).join();
    EXPECT_EQ(*zero + *five, 2);
  });
}

TEST_F(FiberLocal, a_value_stays_through_suspensions) {
  fiber_local<int> own;
  run([&] {
    std::vector<task<void>> tasks;
    for (int i = 0; i < 50; ++i)
      tasks.push_back(spawn([&, i] {
        int* const mine = &own.get();
        *own = i;
        for (int k = 0; k < 5; ++k) this_fiber::yield();
        EXPECT_EQ(*own, i);
        EXPECT_EQ(&own.get(), mine);
      }));
    for (auto& t : tasks) t.join();
  });
}

TEST_F(FiberLocal, values_end_with_the_fiber_newest_first_and_before_the_join) {
  std::vector<std::string> log;
  fiber_local<mourned> a{mourned{log}}, b{mourned{log}};
  run([&] {
    spawn([&] {
      a->name = "a";
      b->name = "b";
      log.push_back("body");
    }).join();
    EXPECT_EQ(log, (std::vector<std::string>{"body", "b", "a"}));
  });
}

TEST_F(FiberLocal, values_end_after_an_exception_too) {
  std::vector<std::string> log;
  fiber_local<mourned> a{mourned{log}};
  run([&] {
    auto t = spawn([&] {
      a->name = "a";
      throw std::runtime_error{"x"};
    });
    EXPECT_THROW(t.join(), std::runtime_error);
    EXPECT_EQ(log.size(), 1u);
  });
}

/// Asks for a value when it is moved.
struct asks_when_moved {
  explicit asks_when_moved(fiber_local<mourned>& v) : of{&v} {}
  asks_when_moved(asks_when_moved&& other) noexcept : of{other.of} { (*of)->name = "asked"; }
  fiber_local<mourned>* of;
};

TEST_F(FiberLocal, a_value_ends_that_only_the_move_of_a_result_has_asked_for) {
  std::vector<std::string> log;
  fiber_local<mourned> a{mourned{log}};
  run([&] {
    const auto gives = [&] { return asks_when_moved{a}; };
    (void)spawn(gives).join();  // which moves it too: that value is this fiber's
    EXPECT_EQ(log.size(), 1u);
    join_set<asks_when_moved> set;
    set.spawn(gives);
    (void)set.join_next();
    EXPECT_EQ(log.size(), 2u);
  });
  EXPECT_EQ(log.size(), 3u);
}

/// Its destructor spawns, and asks for a value.
struct asks_when_destroyed {
  fiber_local<mourned>* of;
  event* over;
  ~asks_when_destroyed() {
    go([done = over] { done->set(); });
    (*of)->name = "asked";
  }
};

TEST_F(FiberLocal, a_value_ends_that_only_the_drop_of_an_outcome_has_asked_for) {
  std::vector<std::string> log;
  fiber_local<mourned> a{mourned{log}};
  fiber_local<int> handed_down{inherit::copy};
  run([&] {
    event over;
    spawn([&] {
      *handed_down = 1;
      return std::make_unique<asks_when_destroyed>(&a, &over);
    }).detach();
    (void)over.wait();
  });
  EXPECT_EQ(log, std::vector<std::string>{"asked"});
}

/// Its destructor waits, and looks at another value.
struct waits {
  fiber_local<std::string>* text = nullptr;
  event *begun = nullptr, *done = nullptr;
  std::string* seen = nullptr;
  ~waits() {
    if (text == nullptr) return;
    begun->set();
    (void)done->wait();
    *seen = **text;
  }
};

TEST_F(FiberLocal, a_destructor_may_wait_and_ask_for_other_values) {
  fiber_local<std::string> text;
  fiber_local<waits> last;
  event begun, done;
  std::string seen;
  run([&] {
    auto t = spawn([&] {
      text.get() = "older, so it is still there";
      last->text = &text;
      last->begun = &begun;
      last->done = &done;
      last->seen = &seen;
    });
    (void)begun.wait();
    done.set();
    t.join();
  });
  EXPECT_EQ(seen, "older, so it is still there");
}

// Whoever has a deadline looks at the scopes that it is in before it waits.
TEST_F(FiberLocal, a_destructor_may_wait_in_a_fiber_with_a_result_and_a_deadline) {
  fiber_local<std::string> text;
  fiber_local<waits> last;
  event begun, done;
  std::string seen;
  run([&] {
    with_deadline(std::chrono::minutes{1}, [&] {
      auto t = spawn([&] {
        text.get() = "still there";
        last->text = &text;
        last->begun = &begun;
        last->done = &done;
        last->seen = &seen;
        return 5;
      });
      (void)begun.wait();
      done.set();
      EXPECT_EQ(t.join(), 5);
    });
  });
  EXPECT_EQ(seen, "still there");
}

TEST_F(FiberLocal, reset_destroys_the_value_and_the_next_is_new) {
  std::vector<std::string> log;
  fiber_local<mourned> a{mourned{log}};
  run([&] {
    a.reset();
    a->name = "a";
    a.reset();
    EXPECT_EQ(log.size(), 1u);
    EXPECT_EQ(a.get_if(), nullptr);
    EXPECT_EQ(a->name, "");
  });
  EXPECT_EQ(log.size(), 1u);
}

TEST_F(FiberLocal, is_inherited_only_where_asked_for) {
  fiber_local<std::string> copied{"initial", inherit::copy}, own{"initial"};
  run([&] {
    spawn([&] { EXPECT_EQ(copied.get_if(), nullptr) << "the spawner had none"; }).join();
    *copied = *own = "set";
    auto child = spawn([&] {
      EXPECT_EQ(*copied, "set");
      EXPECT_EQ(*own, "initial");
      *copied = "child's";
      spawn([&] { EXPECT_EQ(*copied, "child's"); }, {.worker = 0}).join();
    });
    *copied = "later";
    child.join();
    EXPECT_EQ(*copied, "later");
    auto tried = try_spawn([&] { EXPECT_EQ(*copied, "later"); });
    tried->join();
  });
}

TEST_F(FiberLocal, every_way_to_spawn_passes_on_what_is_inherited) {
  fiber_local<std::string> copied{"initial", inherit::copy}, own{"initial"};
  std::atomic<int> right{0};  // std::atomic, because the test counts, not weft
  const auto looks = [&] {
    right += copied.get_if() != nullptr && *copied == "set" && own.get_if() == nullptr;
    *copied = "child's";
  };
  runtime rt{{.workers = 2}};
  rt.block_on([&] {
    *copied = *own = "set";
    for (const unsigned worker : {0u, 1u}) {
      nursery children;
      children.spawn(looks);
      children.spawn(looks, {.worker = worker});
      EXPECT_TRUE(children.join());
      join_set<void> set;
      set.spawn(looks);
      set.spawn(looks, {.worker = worker});
      while (set.join_next()) {}
      wait_group gone;
      gone.add(2);
      const auto looks_and_goes = [&] {
        looks();
        gone.done();
      };
      go(looks_and_goes, {.worker = worker});
      rt.go(looks_and_goes, {.worker = worker});
      EXPECT_TRUE(gone.wait());
      rt.spawn(looks, {.worker = worker}).join();
    }
    EXPECT_EQ(*copied, "set");
  });
  EXPECT_EQ(right, 14);
}

TEST_F(FiberLocal, what_runtime_spawn_makes_inherits_from_a_foreign_thread_too) {
  fiber_local<std::string> copied{"initial", inherit::copy}, own{"initial"};
  runtime rt{{.workers = 2}};
  std::jthread{[&] {
    rt.spawn([&] { EXPECT_EQ(copied.get_if(), nullptr) << "the spawner had none"; }).join();
    *copied = *own = "set";
    rt.spawn([&] {
        EXPECT_EQ(*copied, "set");
        EXPECT_EQ(*own, "initial");
        *copied = "child's";
      }).join();
    EXPECT_EQ(*copied, "set");
  }}.join();
}

TEST_F(FiberLocal, a_copy_that_throws_comes_out_of_spawn) {
  struct refuses {
    refuses() = default;
    refuses(const refuses& o) : armed{o.armed} {
      if (armed) throw std::runtime_error{"not copied"};
    }
    bool armed = false;
  };
  fiber_local<std::string> other{"", inherit::copy};
  fiber_local<refuses> value{inherit::copy};
  run([&] {
    *other = "a value that is copied first";
    value->armed = true;
    *other += '.';
    EXPECT_THROW(spawn([] {}).join(), std::runtime_error);
    value.reset();
    spawn([&] { EXPECT_FALSE(other->empty()); }).join();
  });
}

TEST_F(FiberLocal, threads_have_values_too_that_end_with_them) {
  std::vector<std::string> log;
  fiber_local<mourned> a{mourned{log}};
  fiber_local<int> copied{0, inherit::copy};
  a->name = "main";
  std::thread{[&] {
    EXPECT_EQ(a.get_if(), nullptr);
    a->name = "thread";
  }}.join();
  EXPECT_EQ(log, (std::vector<std::string>{"thread"}));
  *copied = 7;
  runtime rt;
  rt.block_on([&] { EXPECT_EQ(*copied, 7) << "inherited from the thread that spawned"; });
  copied.reset();
  a.reset();
}

TEST_F(FiberLocal, a_variable_may_end_before_the_values_of_others) {
  std::vector<std::string> log;
  auto first = std::make_unique<fiber_local<mourned>>(mourned{log});
  event gone;
  run([&] {
    auto t = spawn([&] {
      (*first)->name = "left behind";
      (void)gone.wait();
      fiber_local<int> next{3};  // with the index of the first
      EXPECT_EQ(*next, 3);
      EXPECT_EQ(log.size(), 1u) << "the value in its place has gone";
    });
    this_fiber::yield();
    first = nullptr;
    gone.set();
    t.join();
  });
  EXPECT_EQ(log.size(), 1u);
}

TEST_F(FiberLocal, takes_types_that_only_move) {
  fiber_local<std::unique_ptr<int>> own;
  run([&] {
    own.get() = std::make_unique<int>(4);
    EXPECT_EQ(**own, 4);
  });
}

// For ThreadSanitizer: variables come and go on several workers and threads while values are made.
TEST_F(FiberLocal, many_variables_on_many_workers) {
  const int rounds = weft_test::scaled(2000);
  fiber_local<int> shared{1, inherit::copy};
  runtime rt{{.workers = 4}};
  const auto works = [&] {
    std::array<fiber_local<int>, 5> own;
    int sum = 0;
    for (auto& o : own) sum += ++*o;
    ++*shared;
    EXPECT_EQ(sum, 5);
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < rounds; ++k) works();
    });
  rt.block_on([&] {
    std::vector<task<void>> tasks;
    for (int i = 0; i < rounds; ++i)
      tasks.push_back(spawn([&] {
        works();
        this_fiber::yield();
        works();
      }));
    for (auto& t : tasks) t.join();
  });
  for (auto& t : threads) t.join();
}

}  // namespace
}  // namespace weft

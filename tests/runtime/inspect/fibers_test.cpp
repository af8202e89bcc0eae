// All fibers, as seen from a fiber, from a thread, and past a worker that does not answer.
#include <algorithm>
#include <chrono>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <leak_check.hpp>
#include <smallest_stack.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/cancellation_shield.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/inspect/fibers.hpp>
#include <weft/runtime/inspect/symbols.hpp>
#include <weft/runtime/latch.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/select.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/thread_stack.hpp>
#include <weft/runtime/wait_group.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::atomic;

class Fibers : public weft_test::leak_check {};

const options two_workers{.workers = 2};

std::optional<fiber_info> named(const fiber_list& all, std::string_view name) {
  const auto at = std::ranges::find(all.fibers, name, &fiber_info::name);
  return at == all.fibers.end() ? std::nullopt : std::optional{*at};
}

// Asks again until that fiber waits for something: it may not have come to it at first.
fiber_info parked(std::string_view name) {
  for (;;) {
    if (auto found = named(list_fibers(), name); found && found->phase == fiber_phase::parked) return *found;
    this_fiber::yield();
  }
}

WEFT_NOINLINE void waits_in_a_static_function(event& until) {
  (void)until.wait();
  asm volatile("" : : : "memory");  // no tail call
}

bool mentions(const fiber_info& f, std::string_view function) {
  symbolizer symbols;
  return std::ranges::any_of(f.backtrace, [&](std::uintptr_t address) {
    return symbols.find(address - 1).function.find(function) != std::string::npos;
  });
}

TEST_F(Fibers, a_parked_fiber_is_told_with_all_that_is_known_of_it) {
  run(
      [] {
        event go_on;
        const auto before = std::source_location::current().line();
        task<void> waiting =
            spawn([&] { waits_in_a_static_function(go_on); },
                  {.name = "waiting", .priority = priority::high, .stack = stack_class::kib256});
        const fiber_info f = parked("waiting");
        EXPECT_NE(f.id, fiber_id{});
        EXPECT_GT(f.site.line(), before);
        EXPECT_LT(f.site.line(), before + 4);
        EXPECT_TRUE(std::string_view{f.site.file_name()}.ends_with("fibers_test.cpp"));
        EXPECT_EQ(f.waits_for, "an event");
        const auto* const at = reinterpret_cast<const std::byte*>(f.waits_at);
        EXPECT_GE(at, reinterpret_cast<const std::byte*>(&go_on));
        EXPECT_LT(at, reinterpret_cast<const std::byte*>(&go_on + 1));
        EXPECT_EQ(f.priority, priority::high);
        EXPECT_EQ(f.stack, stack_class::kib256);
        EXPECT_GE(f.stack_resident, 4096u);
        EXPECT_LE(f.stack_resident, detail::usable(stack_class::kib256));
        ASSERT_TRUE(f.worker.has_value());
        EXPECT_LT(*f.worker, 2u);
        EXPECT_FALSE(f.stop_requested);
        EXPECT_TRUE(mentions(f, "waits_in_a_static_function")) << fibers_text({{f}, {}});
        go_on.set();
        waiting.join();
      },
      two_workers);
}

TEST_F(Fibers, who_asks_runs_and_is_among_them) {
  run(
      [] {
        const fiber_list all = list_fibers();
        ASSERT_EQ(all.fibers.size(), 1u);
        EXPECT_EQ(all.fibers[0].id, this_fiber::get_id());
        EXPECT_EQ(all.fibers[0].phase, fiber_phase::running);
        EXPECT_TRUE(all.fibers[0].waits_for.empty());
        EXPECT_EQ(all.workers.size(), 2u);
        EXPECT_TRUE(all.workers[0].answered && all.workers[1].answered);
      },
      two_workers);
}

TEST_F(Fibers, a_fiber_that_has_not_started_is_told_too) {
  run(
      [] {
        task<void> later = spawn([] {}, {.name = "later", .stack = stack_class::kib16});
        const auto f = named(list_fibers(), "later");
        ASSERT_TRUE(f.has_value());
        EXPECT_EQ(f->phase, fiber_phase::unstarted);
        EXPECT_EQ(f->stack, stack_class::kib16);
        EXPECT_FALSE(f->worker.has_value());
        EXPECT_TRUE(f->backtrace.empty());
        later.join();
      },
      {.workers = 1});
}

TEST_F(Fibers, who_holds_a_mutex_and_whose_end_is_awaited_are_named) {
  run(
      [] {
        mutex m;
        m.lock();
        task<void> wants = spawn([&] { m.lock(), m.unlock(); }, {.name = "wants"});
        task<void> joins = spawn([&] { wants.join(); }, {.name = "joins"});
        EXPECT_EQ(parked("wants").waits_for, "a mutex");
        EXPECT_EQ(parked("wants").awaits, this_fiber::get_id());
        EXPECT_EQ(parked("joins").waits_for, "a join");
        EXPECT_EQ(parked("joins").awaits, parked("wants").id);
        m.unlock();
        joins.join();
      },
      two_workers);
}

TEST_F(Fibers, a_fiber_that_was_asked_to_stop_and_one_that_selects) {
  run(
      [] {
        event first, second;
        task<void> selects =
            spawn([&] { (void)select(on_set(first, [] {}), on_set(second, [] {})); }, {.name = "selects"});
        EXPECT_EQ(parked("selects").waits_for, "one of several things");
        EXPECT_NE(parked("selects").waits_at, nullptr);
        first.set();
        selects.join();
        event released;
        task<void> shielded = spawn(
            [&] {
              const cancellation_shield shield;
              (void)released.wait();
            },
            {.name = "shielded"});
        shielded.request_stop();
        EXPECT_TRUE(parked("shielded").stop_requested);
        released.set();
        shielded.join();
      },
      two_workers);
}

TEST_F(Fibers, a_thread_outside_sees_the_fibers_of_all_runtimes) {
  runtime one{two_workers}, other{{.workers = 1}};
  event go_on;
  latch arrived{2};
  const auto waits = [&] {
    arrived.count_down();
    (void)go_on.wait();
  };
  task<void> a = one.spawn(waits, {.name = "of one"});
  task<void> b = other.spawn(waits, {.name = "of other"});
  arrived.wait();
  const fiber_list all = list_fibers();
  ASSERT_TRUE(named(all, "of one") && named(all, "of other"));
  EXPECT_EQ(named(all, "of one")->runtime + 1, named(all, "of other")->runtime);
  EXPECT_EQ(all.workers.size(), 3u);
  EXPECT_NE(fibers_text(all).find("worker 0 of runtime"), std::string::npos);
  go_on.set();
  a.join();
  b.join();
  EXPECT_TRUE(one.stop());
  EXPECT_EQ(list_fibers().workers.size(), 1u) << "a runtime that has stopped has no workers to ask";
}

// What a worker that a fiber hogs cannot tell itself is seen from outside.
TEST_F(Fibers, a_worker_that_does_not_answer_is_named_with_the_fiber_that_keeps_it) {
  runtime rt{{.workers = 1, .fiber_times = true}};
  event go_on;
  atomic<bool> hogs{false}, enough{false};
  task<void> waits = rt.spawn([&] { (void)go_on.wait(); }, {.name = "waits"});
  task<void> hog = rt.spawn(
      [&] {
        hogs.store(true);
        while (!enough.load()) detail::spin_pause();
      },
      {.name = "hog"});
  while (!hogs.load()) std::this_thread::yield();
  const fiber_list all = list_fibers({.patience = 5ms});
  enough.store(true);
  ASSERT_EQ(all.workers.size(), 1u);
  EXPECT_FALSE(all.workers[0].answered);
  ASSERT_TRUE(named(all, "hog") && named(all, "waits"));
  EXPECT_EQ(all.workers[0].running, named(all, "hog")->id);
  EXPECT_EQ(named(all, "hog")->phase, fiber_phase::running);
  EXPECT_GE(named(all, "hog")->run_time, 5ms);
  EXPECT_EQ(named(all, "waits")->phase, fiber_phase::parked);
  EXPECT_EQ(named(all, "waits")->waits_for, "an event");
  EXPECT_TRUE(named(all, "waits")->backtrace.empty());
  const std::string text = fibers_text(all);
  EXPECT_NE(text.find("it did not answer: fiber"), std::string::npos) << text;
  EXPECT_NE(text.find("\"hog\""), std::string::npos) << text;
  go_on.set();
  hog.join();
  waits.join();
  EXPECT_TRUE(list_fibers().workers[0].answered) << "the next one gets its answer";
}

// What was computed for 20 ms has taken 20 ms, and not the time of others.
TEST_F(Fibers, how_long_each_has_run_is_told_if_that_was_asked_for) {
  run(
      [] {
        event go_on;
        const auto computes = [&](std::chrono::milliseconds how_long) {
          return [&go_on, how_long] {
            for (int i = 0; i < 4; ++i) {
              const auto end = std::chrono::steady_clock::now() + how_long / 4;
              while (std::chrono::steady_clock::now() < end) detail::spin_pause();
              this_fiber::yield();
            }
            (void)go_on.wait();
          };
        };
        const auto begin = std::chrono::steady_clock::now();
        task<void> longer = spawn(computes(40ms), {.name = "longer", .stack = weft_test::smallest_stack});
        task<void> shorter = spawn(computes(4ms), {.name = "shorter"});
        const fiber_info l = parked("longer");
        const fiber_info s = parked("shorter");
        const auto passed = std::chrono::steady_clock::now() - begin;
        EXPECT_GE(l.run_time, 40ms);
        EXPECT_GE(s.run_time, 4ms);
        EXPECT_LE(l.run_time + s.run_time, passed);
        EXPECT_GE(l.age, l.run_time);
        EXPECT_LE(l.age, passed);
        EXPECT_EQ(parked("longer").run_time, l.run_time) << "who waits does not run";
        EXPECT_NE(fibers_text({.fibers = {l}, .workers = {}}).find(" ms of "), std::string::npos);
        EXPECT_NE(fibers_json({.fibers = {l}, .workers = {}}).find("\"run_ns\":"), std::string::npos);
        task<void> after =
            spawn([&] { (void)go_on.wait(); }, {.name = "after", .stack = weft_test::smallest_stack});
        EXPECT_LT(parked("after").age, parked("longer").age);
        go_on.set();
        longer.join();
        shorter.join();
        after.join();
      },
      {.workers = 1, .fiber_times = true});
}

TEST_F(Fibers, a_name_moves_no_cursor) {
  fiber_info f;
  f.name = "red\x1b[31m\nline";
  const std::string text = fibers_text({.fibers = {f}, .workers = {}});
  EXPECT_NE(text.find("\"red?[31m?line\""), std::string::npos) << text;
}

TEST_F(Fibers, nobody_looks_at_the_clock_unless_that_was_asked_for) {
  run([] {
    event go_on;
    task<void> waits = spawn([&] { (void)go_on.wait(); }, {.name = "waits"});
    EXPECT_EQ(parked("waits").age, 0ns);
    go_on.set();
    waits.join();
  });
}

TEST_F(Fibers, fibers_in_the_same_place_are_one_group) {
  run(
      [] {
        event go_on;
        std::vector<task<void>> all;
        for (int i = 0; i < 30; ++i) all.push_back(spawn([&] { waits_in_a_static_function(go_on); }));
        std::string text;
        do {
          this_fiber::yield();
          std::ostringstream out;
          dump_fibers(out);
          text = out.str();
        } while (text.find("30 fibers, parked: waits for an event") == std::string::npos);
        EXPECT_NE(text.find("and 20 more"), std::string::npos) << text;
        const std::size_t frame = text.find("waits_in_a_static_function");
        ASSERT_NE(frame, std::string::npos) << text;
        EXPECT_EQ(text.find("waits_in_a_static_function", frame + 1), std::string::npos) << text;
        EXPECT_EQ(text.find("fiber_main"), std::string::npos) << text;
        const std::string json = fibers_json(list_fibers());
        EXPECT_NE(json.find("waits_in_a_static_function"), std::string::npos);
        go_on.set();
        for (task<void>& t : all) t.join();
      },
      two_workers);
}

// As stderr is where it shares its description with a terminal that somebody has made so.
TEST_F(Fibers, are_written_whole_to_a_descriptor_that_does_not_block) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
  const int room = ::fcntl(ends[1], F_SETPIPE_SZ, 4096);
  ASSERT_GT(room, 0);
  std::string text;
  std::thread reads{[&] {
    const auto held = [&] {
      int n = 0;
      return ::ioctl(ends[0], FIONREAD, &n) == 0 ? n : 0;
    };
    while (held() < room) std::this_thread::yield();  // no byte more goes in
    char some[4096];
    for (pollfd readable{ends[0], POLLIN, 0};;) {
      (void)::poll(&readable, 1, -1);
      const ssize_t n = ::read(ends[0], some, sizeof some);
      if (n == 0) return;
      if (n > 0) text.append(some, static_cast<std::size_t>(n));
    }
  }};
  run(
      [&] {
        event end;
        wait_group all;
        all.add(300);
        for (int i = 0; i < 300; ++i)
          go([&] {
            (void)end.wait();
            all.done();
          });
        EXPECT_TRUE(dump_fibers(ends[1], dump_format::json));
        ::close(ends[1]);
        end.set();
        EXPECT_TRUE(all.wait());
      },
      two_workers);
  reads.join();
  ::close(ends[0]);
  EXPECT_TRUE(text.ends_with("]}\n")) << text.size();
}

TEST_F(Fibers, a_descriptor_that_cannot_be_written_to_is_told) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
  EXPECT_FALSE(dump_fibers(ends[0])) << "the end for reading";
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(Fibers, the_smallest_stack_is_enough_to_ask) {
  run(
      [] {
        spawn(
            [] {
              std::ostringstream* const out = on_thread_stack([] { return new std::ostringstream; });
              dump_fibers(*out, dump_format::json);
              EXPECT_EQ(out->str().rfind("{\"workers\":[", 0), 0u);
              on_thread_stack([&] { delete out; });
            },
            {.stack = weft_test::smallest_stack})
            .join();
      },
      two_workers);
}

// Many ask at a time, fibers and threads, while others come and go.
TEST_F(Fibers, are_told_while_they_come_and_go) {
  const int turns = weft_test::scaled(200);
  runtime rt{two_workers};
  atomic<bool> enough{false};
  std::vector<task<void>> all;
  for (int i = 0; i < 2; ++i)
    all.push_back(rt.spawn([&] {
      while (!enough.load()) {
        std::vector<task<void>> some;
        for (int k = 0; k < 20; ++k)
          some.push_back(spawn([] { this_fiber::yield(); }, {.name = "comes and goes"}));
        for (task<void>& t : some) t.join();
      }
    }));
  const auto asks = [&] {
    for (int i = 0; i < turns; ++i)
      for (const fiber_info& f : list_fibers().fibers) {
        EXPECT_NE(f.id, fiber_id{});
        EXPECT_TRUE(f.name.empty() || f.name == "comes and goes");
      }
  };
  task<void> inside = rt.spawn(asks);
  std::thread outside{asks};
  outside.join();
  inside.join();
  enough.store(true);
  for (task<void>& t : all) t.join();
}

TEST_F(Fibers, a_runtime_may_end_while_somebody_looks) {
  atomic<bool> enough{false};
  std::thread looks{[&] {
    while (!enough.load()) (void)list_fibers();
  }};
  for (int i = 0; i < weft_test::scaled(50); ++i) run([] { spawn([] {}).join(); }, two_workers);
  enough.store(true);
  looks.join();
}

}  // namespace
}  // namespace weft

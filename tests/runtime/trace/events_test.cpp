// What the runtime tells of itself, and that anyone may look while it does.
#include <weft/runtime/trace/events.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <build_kind.hpp>
#include <socket_pair.hpp>
#include <weft/io/io.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/fiber.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/trace/span.hpp>
#include <weft/runtime/wait_group.hpp>

#include "trace_fixture.hpp"

namespace weft {
namespace {

using testing::count_of;
using trace::detail::record;
using trace::detail::record_kind;

class TraceEvents : public testing::Traced {};

/// Those about one fiber, or by it, in order.
std::vector<record> about(fiber_id id, const trace::recording& in) {
  std::vector<record> found;
  for (const auto& t : in.tracks)
    for (const record& r : t.records) {
      const bool subject = r.kind == record_kind::spawn || r.kind == record_kind::wake;
      if ((subject ? r.subject : r.fiber) == static_cast<std::uint64_t>(id)) found.push_back(r);
    }
  return found;
}

TEST_F(TraceEvents, tell_the_life_of_a_fiber) {
  begin();
  fiber_id child{};
  run(
      [&] {
        event go_on;
        auto t = spawn(
            [&] {
              this_fiber::yield();
              (void)go_on.wait();
            },
            {.name = "child"});
        child = t.get_id();
        auto other = spawn([] { this_fiber::yield(); });
        for (int i = 0; i < 4; ++i) this_fiber::yield();
        go_on.set();
        t.join();
        other.join();
      },
      {.workers = 1});
  const std::vector<record> life = about(child, trace::snapshot());
  std::vector<record_kind> kinds;
  kinds.reserve(life.size());
  for (const record& r : life) kinds.push_back(r.kind);
  const std::vector<record_kind> expected{record_kind::spawn, record_kind::run,  record_kind::yield,
                                          record_kind::run,   record_kind::park, record_kind::wake,
                                          record_kind::run,   record_kind::end};
  ASSERT_EQ(kinds, expected);
  EXPECT_EQ(life[0].text().substr(0, life[0].key_length), "child");
  EXPECT_EQ(life[0].text(life[0].key_length), "events_test.cpp");
  EXPECT_EQ(life[1].detail, 1) << "it begins";
  EXPECT_EQ(life[3].detail, 0) << "it goes on";
  EXPECT_EQ(life[1].text(), "child");
  EXPECT_EQ(static_cast<detail::park_reason>(life[4].detail), detail::park_reason::event);
  for (std::size_t i = 1; i < life.size(); ++i) EXPECT_LE(life[i - 1].time, life[i].time);
}

TEST_F(TraceEvents, each_run_is_left_before_the_next_begins) {
  begin({.records = 1 << 16});
  run(
      [] {
        wait_group all;
        mutex shared;
        for (int i = 0; i < 200; ++i) {
          all.add(1);
          go([&] {
            for (int k = 0; k < 5; ++k) {
              shared.lock();
              this_fiber::yield();
              shared.unlock();
            }
            all.done();
          });
        }
        (void)all.wait();
      },
      {.workers = 2});
  const trace::recording all = trace::snapshot();
  EXPECT_EQ(count_of(all, record_kind::spawn), 201u);
  EXPECT_EQ(count_of(all, record_kind::end), 201u);
  for (const auto& t : all.tracks) {
    std::uint64_t running = 0;
    for (const record& r : t.records) {
      if (r.kind == record_kind::run) {
        EXPECT_EQ(running, 0u);
        running = r.fiber;
      } else if (r.kind == record_kind::park || r.kind == record_kind::yield || r.kind == record_kind::end) {
        EXPECT_EQ(running, r.fiber);
        running = 0;
      }
    }
    EXPECT_EQ(running, 0u);
  }
}

TEST_F(TraceEvents, tell_of_operations_from_start_to_end) {
  begin();
  run([] {
    const weft_test::socket_pair ends;
    auto reader = spawn([&] {
      std::byte some[8];
      EXPECT_TRUE(io::read(ends.near(), some));
    });
    this_fiber::yield();
    EXPECT_TRUE(io::write(ends.far(), std::string_view{"x"}));
    reader.join();
  });
  const trace::recording all = trace::snapshot();
  EXPECT_GE(count_of(all, record_kind::submit), 1u);
  EXPECT_GE(count_of(all, record_kind::complete), 1u);
}

TEST_F(TraceEvents, are_left_out_where_only_spans_are_wanted) {
  begin({.runtime_events = false});
  run([] {
    const trace::span s{"s"};
    spawn([] { this_fiber::yield(); }).join();
  });
  const trace::recording all = trace::snapshot();
  EXPECT_EQ(all.size(), 2u);
  EXPECT_EQ(count_of(all, record_kind::span_end), 1u);
}

TEST_F(TraceEvents, end_when_the_trace_is_stopped_and_begin_again) {
  runtime rt{{.workers = 1}};
  const auto work = [&] { rt.block_on([] { this_fiber::yield(); }); };
  work();
  begin();
  work();
  EXPECT_EQ(count_of(trace::snapshot(), record_kind::end), 1u);
  trace::stop();
  work();
  work();
  EXPECT_EQ(count_of(trace::snapshot(), record_kind::spawn), 1u);
  begin();
  EXPECT_EQ(trace::snapshot().size(), 0u) << "what was before is forgotten";
  work();
  EXPECT_EQ(count_of(trace::snapshot(), record_kind::end), 1u);
}

TEST_F(TraceEvents, of_fibers_with_exceptions_in_flight_are_as_of_others) {
  begin();
  std::string seen;
  run(
      [&] {
        auto one = spawn([&] {
          try {
            throw std::string{"one"};
          } catch (const std::string& caught) {
            this_fiber::yield();
            try {
              throw;
            } catch (const std::string& again) {
              seen = caught + again;
            }
          }
        });
        auto other = spawn([] {
          try {
            throw 2;
          } catch (int) {
            this_fiber::yield();
          }
        });
        one.join();
        other.join();
      },
      {.workers = 1});
  EXPECT_EQ(seen, "oneone");
  EXPECT_GE(count_of(trace::snapshot(), record_kind::yield), 1u);
}

TEST_F(TraceEvents, are_recorded_with_a_limit_of_fibers_too) {
  begin();
  run(
      [] {
        for (int i = 0; i < 10; ++i) spawn([] { this_fiber::yield(); }).join();
      },
      {.workers = 1, .fibers_max = 2});
  EXPECT_EQ(count_of(trace::snapshot(), record_kind::end), 11u);
}

TEST_F(TraceEvents, out_of_range_options_are_refused) {
  EXPECT_EQ(trace::start({.sampled = 1.5}).error(), std::errc::invalid_argument);
  EXPECT_EQ(trace::start({.sampled = -0.1}).error(), std::errc::invalid_argument);
  EXPECT_EQ(trace::start({.records = 15}).error(), std::errc::invalid_argument);
  EXPECT_FALSE(trace::running());
}

// Workers, foreign threads and fibers write, some look, some start and stop; nothing may be torn.
TEST_F(TraceEvents, stand_being_looked_at_and_switched_while_all_write) {
  begin({.records = 64});
  runtime rt{{.workers = 2}};
  std::atomic<bool> done{false};
  std::thread looker{[&] {
    while (!done.load()) {
      const trace::recording now = trace::snapshot();
      for (const auto& t : now.tracks)
        for (const record& r : t.records) {
          ASSERT_NE(r.kind, record_kind::none);
          ASSERT_LE(r.kind, record_kind::status);
          ASSERT_GT(r.time, 0);
          if (r.kind == record_kind::span_begin) {
            ASSERT_EQ(r.text(sizeof(trace::detail::span_identity)), "work");
          }
        }
    }
  }};
  std::thread foreign{[&] {
    while (!done.load()) {
      trace::span s{"work"};
      s.set("a", 1);
    }
  }};
  std::thread switcher{[&] {
    for (int i = 0; i < weft_test::scaled(200); ++i) {
      ASSERT_TRUE(trace::start({.records = i % 2 == 0 ? 64u : 256u}));
      std::thread{[] { const trace::span s{"work"}; }}.join();
      if (i % 3 == 0) trace::stop();
    }
  }};
  for (int i = 0; i < weft_test::scaled(100); ++i)
    rt.block_on([] {
      const trace::span s{"work"};
      wait_group all;
      for (int k = 0; k < 50; ++k) {
        all.add(1);
        go([&all] {
          const trace::span inner{"work"};
          this_fiber::yield();
          all.done();
        });
      }
      (void)all.wait();
    });
  switcher.join();
  done.store(true);
  looker.join();
  foreign.join();
}

}  // namespace
}  // namespace weft

// trace::span: who is whose parent, what is said of it, which traces are recorded.
#include <weft/runtime/trace/span.hpp>

#include <set>
#include <string>
#include <thread>
#include <utility>

#include <weft/runtime/blocking.hpp>
#include <weft/runtime/channel.hpp>
#include <weft/runtime/nursery.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/trace/sampling.hpp>

#include "trace_fixture.hpp"

namespace weft {
namespace {

using testing::attribute_of;
using testing::count_of;
using testing::spans_by_name;
using trace::detail::record_kind;

class TraceSpan : public testing::Traced {};

TEST_F(TraceSpan, is_the_parent_of_those_made_in_it) {
  begin();
  run([] {
    const trace::span outer{"outer"};
    { const trace::span first{"first"}; }
    const trace::span second{"second"};
    const trace::span inner{"inner"};
  });
  auto all = spans_by_name();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_FALSE(all["outer"].contains("parentSpanId"));
  EXPECT_EQ(all["first"]["parentSpanId"], all["outer"]["spanId"]);
  EXPECT_EQ(all["second"]["parentSpanId"], all["outer"]["spanId"]);
  EXPECT_EQ(all["inner"]["parentSpanId"], all["second"]["spanId"]);
  std::set<std::string> traces, spans;
  for (const auto& [name, s] : all) {
    traces.insert(s["traceId"].get<std::string>());
    spans.insert(s["spanId"].get<std::string>());
  }
  EXPECT_EQ(traces.size(), 1u);
  EXPECT_EQ(spans.size(), 4u);
}

TEST_F(TraceSpan, goes_on_to_the_fibers_that_are_spawned_in_it) {
  begin();
  run([] {
    task<void> late;
    {
      const trace::span outer{"outer"};
      late = spawn([] {
        this_fiber::yield();
        const trace::span child{"child"};
      });
      ASSERT_TRUE(
          with_nursery([](nursery& n) { n.spawn([] { const trace::span in_nursery{"in nursery"}; }); }));
    }
    const trace::span stranger{"stranger"};
    late.join();
  });
  auto all = spans_by_name();
  EXPECT_EQ(all["child"]["parentSpanId"], all["outer"]["spanId"]);
  EXPECT_EQ(all["in nursery"]["parentSpanId"], all["outer"]["spanId"]);
  EXPECT_FALSE(all["stranger"].contains("parentSpanId"));
  EXPECT_NE(all["stranger"]["traceId"], all["outer"]["traceId"]);
}

TEST_F(TraceSpan, is_each_fibers_own_while_they_take_turns) {
  begin();
  run(
      [] {
        auto one = spawn([] {
          const trace::span a{"a"};
          this_fiber::yield();
          const trace::span b{"b"};
          this_fiber::yield();
        });
        auto other = spawn([] {
          const trace::span c{"c"};
          this_fiber::yield();
          const trace::span d{"d"};
        });
        one.join();
        other.join();
      },
      {.workers = 1});
  auto all = spans_by_name();
  EXPECT_EQ(all["b"]["parentSpanId"], all["a"]["spanId"]);
  EXPECT_EQ(all["d"]["parentSpanId"], all["c"]["spanId"]);
}

TEST_F(TraceSpan, crosses_a_channel_in_the_message) {
  begin();
  run([] {
    channel<trace::context> jobs{1};
    auto worker = spawn([&] {
      const trace::span job{"job", *jobs.recv(), trace::span_kind::consumer};
      const trace::span part{"part"};
    });
    const trace::span sender{"sender", trace::span_kind::producer};
    ASSERT_TRUE(jobs.send(trace::current()));
    worker.join();
  });
  auto all = spans_by_name();
  EXPECT_EQ(all["job"]["parentSpanId"], all["sender"]["spanId"]);
  EXPECT_EQ(all["job"]["traceId"], all["sender"]["traceId"]);
  EXPECT_EQ(all["part"]["parentSpanId"], all["job"]["spanId"]);
  EXPECT_EQ(all["sender"]["kind"], 4);
  EXPECT_EQ(all["job"]["kind"], 5);
}

TEST_F(TraceSpan, works_on_foreign_threads_and_hands_down_from_there) {
  begin();
  runtime rt{{.workers = 1}};
  {
    const trace::span outer{"outer"};
    rt.block_on([] { const trace::span inner{"inner"}; });
    std::thread{[] { const trace::span elsewhere{"elsewhere"}; }}.join();
  }
  auto all = spans_by_name();
  EXPECT_EQ(all["inner"]["parentSpanId"], all["outer"]["spanId"]);
  EXPECT_FALSE(all["elsewhere"].contains("parentSpanId"));
}

TEST_F(TraceSpan, blocking_begins_without_a_parent_unless_it_is_given_one) {
  begin();
  run([] {
    const trace::span outer{"outer"};
    blocking([at = trace::current()] {
      { const trace::span bare{"bare"}; }
      const trace::span given{"given", at};
    });
  });
  auto all = spans_by_name();
  EXPECT_FALSE(all["bare"].contains("parentSpanId"));
  EXPECT_EQ(all["given"]["parentSpanId"], all["outer"]["spanId"]);
}

TEST_F(TraceSpan, says_what_it_was_told) {
  begin();
  {
    trace::span s{"s"};
    s.set("text", "value");
    s.set("number", -7);
    s.set("share", 0.25);
    s.set("yes", true);
    s.set("number", 8);
    s.event("first");
    s.event("second");
    s.fail("out of luck");
  }
  const auto s = spans_by_name()["s"];
  EXPECT_EQ(attribute_of(s, "text")["stringValue"], "value");
  EXPECT_EQ(attribute_of(s, "number")["intValue"], "8") << "the later one counts";
  EXPECT_EQ(attribute_of(s, "share")["doubleValue"], 0.25);
  EXPECT_EQ(attribute_of(s, "yes")["boolValue"], true);
  EXPECT_EQ(s["attributes"].size(), 4u);
  ASSERT_EQ(s["events"].size(), 2u);
  EXPECT_EQ(s["events"][0]["name"], "first");
  EXPECT_EQ(s["events"][1]["name"], "second");
  EXPECT_EQ(s["status"]["code"], 2);
  EXPECT_EQ(s["status"]["message"], "out of luck");
}

TEST_F(TraceSpan, cuts_off_what_is_too_long) {
  begin();
  {
    trace::span s{std::string(200, 'n')};
    s.set(std::string(200, 'k'), 7);
    s.set("text", std::string(200, 'v'));
    s.event(std::string(200, 'e'));
  }
  const auto s = spans_by_name()[std::string(56, 'n')];
  EXPECT_EQ(attribute_of(s, std::string(80, 'k'))["intValue"], "7");
  EXPECT_EQ(attribute_of(s, "text")["stringValue"], std::string(84, 'v'));
  EXPECT_EQ(s["events"][0]["name"], std::string(88, 'e'));
}

TEST_F(TraceSpan, is_nothing_while_nothing_is_traced) {
  trace::stop();
  trace::span s{"s"};
  s.set("a", 1);
  s.event("e");
  EXPECT_FALSE(s.recorded());
  EXPECT_FALSE(s.context());
  EXPECT_FALSE(trace::current());
}

TEST_F(TraceSpan, that_is_not_sampled_has_ids_but_no_records) {
  begin({.sampled = 0});
  run([] {
    const trace::span root{"root"};
    EXPECT_TRUE(root.context());
    EXPECT_FALSE(root.recorded());
    const trace::span child{"child"};
    EXPECT_EQ(child.context().trace, root.context().trace);
    EXPECT_NE(child.context().span, root.context().span);
    EXPECT_FALSE(child.recorded());
  });
  EXPECT_TRUE(spans_by_name().empty());
}

TEST_F(TraceSpan, does_as_its_parent_says_about_sampling) {
  begin({.sampled = 0});
  { const trace::span s{"yes", {.trace = {1, 2}, .span = 3, .sampled = true}}; }
  begin({.sampled = 1});
  { const trace::span s{"no", {.trace = {1, 2}, .span = 3, .sampled = false}}; }
  EXPECT_TRUE(spans_by_name().empty());
  begin({.sampled = 0});
  { const trace::span s{"yes", {.trace = {1, 2}, .span = 3, .sampled = true}}; }
  const auto all = spans_by_name();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all.at("yes")["traceId"], "00000000000000010000000000000002");
  EXPECT_EQ(all.at("yes")["parentSpanId"], "0000000000000003");
}

TEST_F(TraceSpan, of_a_share_of_the_roots_is_recorded) {
  begin({.sampled = 0.25});
  int recorded = 0;
  for (int i = 0; i < 10'000; ++i) recorded += trace::span{"s"}.recorded() ? 1 : 0;
  EXPECT_NEAR(recorded, 2500, 300);  // 7 standard deviations
}

TEST(TraceSampling, goes_by_the_last_56_bits_of_the_id) {
  EXPECT_EQ(trace::detail::threshold_of(1), 0u);
  EXPECT_EQ(trace::detail::threshold_of(0), 1ull << 56);
  EXPECT_EQ(trace::detail::threshold_of(0.25), 3ull << 54);
  trace::detail::sampling_threshold.set(trace::detail::threshold_of(0.25));
  EXPECT_TRUE(trace::detail::is_sampled({.high = 0, .low = 3ull << 54}));
  EXPECT_FALSE(trace::detail::is_sampled({.high = ~0ull, .low = (3ull << 54) - 1}));
  EXPECT_FALSE(trace::detail::is_sampled({.high = ~0ull, .low = 0xff00'0000'0000'0000}));
}

TEST_F(TraceSpan, that_lives_when_tracing_ends_still_records_its_end) {
  begin();
  {
    const trace::span s{"s"};
    trace::stop();
  }
  EXPECT_EQ(spans_by_name().size(), 1u);
}

TEST_F(TraceSpan, that_was_begun_in_an_earlier_trace_has_all_it_needs_in_the_next) {
  begin();
  {
    const trace::span s{"s"};
    begin();
  }
  const auto all = spans_by_name();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_LE(std::stoull(all.at("s")["startTimeUnixNano"].get<std::string>()),
            std::stoull(all.at("s")["endTimeUnixNano"].get<std::string>()));
}

TEST_F(TraceSpan, may_end_in_another_order_than_its_fibers_neighbours) {
  begin();
  run([] {
    const trace::span outer{"outer"};
    auto child = spawn([] {
      const trace::span inner{"inner"};
      (void)this_fiber::sleep_for(std::chrono::milliseconds{1});
    });
    child.join();
    EXPECT_EQ(trace::current().span, outer.context().span);
  });
  EXPECT_EQ(spans_by_name().size(), 2u);
}

TEST_F(TraceSpan, passes_on_the_state_of_other_tracers) {
  begin();
  const auto state = std::make_shared<const std::string>("a=1");
  const trace::span outer{"outer", {.trace = {1, 2}, .span = 3, .sampled = true, .state = state}};
  const trace::span inner{"inner"};
  EXPECT_EQ(inner.context().state, state);
}

}  // namespace
}  // namespace weft

// The exports, read back: what a viewer and a collector would make of them.
#include <weft/runtime/trace/chrome_json.hpp>

#include <algorithm>
#include <cctype>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/trace/span.hpp>
#include <weft/runtime/wait_group.hpp>

#include "trace_fixture.hpp"

namespace weft {
namespace {

using nlohmann::json;

class TraceExport : public testing::Traced {
 protected:
  static json chrome() { return json::parse(trace::to_chrome(trace::snapshot()))["traceEvents"]; }
  static std::vector<json> of_phase(const json& events, std::string_view phase) {
    std::vector<json> found;
    for (const json& e : events)
      if (e["ph"] == phase) found.push_back(e);
    return found;
  }
  static void work() {
    run(
        [] {
          wait_group all;
          for (int i = 0; i < 20; ++i) {
            all.add(1);
            go(
                [&all] {
                  const trace::span outer{"outer"};
                  for (int k = 0; k < 3; ++k) {
                    trace::span inner{"inner"};
                    inner.event("tick");
                    this_fiber::yield();
                  }
                  all.done();
                },
                {.name = "worker \"bee\"\n"});
          }
          (void)all.wait();
        },
        {.workers = 2});
  }
};

TEST_F(TraceExport, names_every_thread_that_it_tells_of) {
  begin();
  work();
  const json events = chrome();
  std::map<json, std::string> names;
  for (const json& e : of_phase(events, "M"))
    if (e["name"] == "thread_name") names[e["tid"]] = e["args"]["name"].get<std::string>();
  ASSERT_GE(names.size(), 2u);
  for (const json& e : events) EXPECT_TRUE(e["name"] == "process_name" || names.contains(e["tid"]));
  EXPECT_TRUE(std::ranges::any_of(names, [](const auto& n) { return n.second == "worker 0 (weft-0)"; }));
}

TEST_F(TraceExport, its_times_never_go_back_and_its_phases_are_known) {
  begin();
  work();
  double last = 0;
  for (const json& e : chrome()) {
    const auto phase = e["ph"].get<std::string>();
    ASSERT_NE(std::string{"MXibne"}.find(phase), std::string::npos) << phase;
    if (phase == "M") continue;
    const double at = e["ts"].get<double>();
    EXPECT_GE(at, last);
    last = at;
    if (phase == "X") EXPECT_GE(e["dur"].get<double>(), 0);
    if (phase == "i") EXPECT_EQ(e["s"], "t");
  }
}

TEST_F(TraceExport, the_slices_of_a_thread_do_not_overlap) {
  begin();
  work();
  std::map<json, double> ends;
  std::size_t count = 0;
  for (const json& e : of_phase(chrome(), "X")) {
    EXPECT_GE(e["ts"].get<double>() + 0.0005, ends[e["tid"]]);
    ends[e["tid"]] = e["ts"].get<double>() + e["dur"].get<double>();
    ++count;
  }
  EXPECT_GE(count, 21u);
}

TEST_F(TraceExport, the_spans_of_a_fiber_are_within_each_other) {
  begin();
  work();
  std::map<json, std::vector<json>> open;
  std::size_t begun = 0, ticks = 0;
  for (const json& e : chrome()) {
    if (e.value("cat", "") != "span") continue;
    auto& stack = open[e["id"]];
    if (e["ph"] == "b") {
      EXPECT_EQ(stack.empty(), e["name"] == "outer");
      if (!stack.empty()) EXPECT_EQ(e["args"]["parent"], stack.back()["args"]["span"]);
      stack.push_back(e);
      ++begun;
    } else if (e["ph"] == "e") {
      ASSERT_FALSE(stack.empty());
      EXPECT_EQ(e["name"], stack.back()["name"]);
      stack.pop_back();
    } else {
      ASSERT_FALSE(stack.empty());
      EXPECT_EQ(stack.back()["name"], "inner");
      ++ticks;
    }
  }
  for (const auto& [id, stack] : open) EXPECT_TRUE(stack.empty()) << id;
  EXPECT_EQ(begun, 80u);
  EXPECT_EQ(ticks, 60u);
}

TEST_F(TraceExport, says_what_is_not_finished) {
  begin();
  const trace::span open{"open"};
  const json events = chrome();
  ASSERT_EQ(of_phase(events, "b").size(), 1u);
  EXPECT_EQ(of_phase(events, "b")[0]["args"]["unfinished"], true);
  EXPECT_EQ(of_phase(events, "e").size(), 1u);
  EXPECT_TRUE(testing::spans_by_name().empty()) << "OTLP has only what has ended";
}

TEST_F(TraceExport, strings_of_users_do_no_harm) {
  begin();
  {
    trace::span s{"\"}],\\\n\x01\xff"};
    s.set("key\"\\", "\xc3\x28\"");
    s.event("\"");
    s.fail("\\");
  }
  const json events = chrome();
  EXPECT_EQ(of_phase(events, "b")[0]["name"], "\"}],\\\n\x01\xef\xbf\xbd");
  EXPECT_EQ(of_phase(events, "b")[0]["args"]["key\"\\"], "\xef\xbf\xbd(\"");
  EXPECT_EQ(testing::spans_by_name().size(), 1u);
}

TEST_F(TraceExport, survives_what_was_overwritten) {
  begin({.records = 16});
  {
    const trace::span old{"old"};
    for (int i = 0; i < 100; ++i) trace::span{"young"}.set("i", i);
  }
  const json events = chrome();
  const auto begun = of_phase(events, "b");
  EXPECT_EQ(begun.front()["name"], "old") << "its end knows when it began";
  EXPECT_EQ(begun.size(), of_phase(events, "e").size());
  EXPECT_EQ(testing::spans_by_name().at("old")["name"], "old");
}

bool is_id(const json& id, std::size_t digits) {
  const auto text = id.get<std::string>();
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == text.npos &&
         text.find_first_not_of('0') != text.npos;
}

TEST_F(TraceExport, is_what_a_collector_takes) {
  begin();
  work();
  const json request = json::parse(trace::to_otlp(trace::snapshot(), "shop"));
  const json& resource = request["resourceSpans"][0];
  EXPECT_EQ(resource["resource"]["attributes"][0]["key"], "service.name");
  EXPECT_EQ(resource["resource"]["attributes"][0]["value"]["stringValue"], "shop");
  const json& scope = resource["scopeSpans"][0];
  EXPECT_EQ(scope["scope"]["name"], "weft");
  EXPECT_EQ(scope["spans"].size(), 80u);
  for (const json& s : scope["spans"]) {
    EXPECT_TRUE(is_id(s["traceId"], 32));
    EXPECT_TRUE(is_id(s["spanId"], 16));
    EXPECT_EQ(s.contains("parentSpanId"), s["name"] == "inner");
    EXPECT_EQ(s["kind"], 1);
    const auto start = std::stoll(s["startTimeUnixNano"].get<std::string>());
    const auto end = std::stoll(s["endTimeUnixNano"].get<std::string>());
    EXPECT_LE(start, end);
    EXPECT_GT(start, 1'500'000'000'000'000'000) << "since 1970";
    for (const json& e : s["events"]) {
      const auto at = std::stoll(e["timeUnixNano"].get<std::string>());
      EXPECT_TRUE(start <= at && at <= end);
    }
  }
}

TEST_F(TraceExport, numbers_that_json_has_not_are_told_to_collectors_by_name) {
  begin();
  {
    trace::span s{"odd"};
    s.set("none", std::numeric_limits<double>::quiet_NaN());
    s.set("most", std::numeric_limits<double>::infinity());
    s.set("least", -std::numeric_limits<double>::infinity());
  }
  const json odd = testing::spans_by_name().at("odd");
  EXPECT_EQ(testing::attribute_of(odd, "none")["doubleValue"], "NaN");
  EXPECT_EQ(testing::attribute_of(odd, "most")["doubleValue"], "Infinity");
  EXPECT_EQ(testing::attribute_of(odd, "least")["doubleValue"], "-Infinity");
}

}  // namespace
}  // namespace weft

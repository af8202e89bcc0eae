// The text that Prometheus reads: strictly in form, and with the numbers of the runtime.
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <leak_check.hpp>
#include <prometheus_parser.hpp>
#include <weft/runtime/metrics/prometheus.hpp>
#include <weft/runtime/metrics/prometheus_text.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <with_workers.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::prometheus_text;
using weft_test::complaints_of_promtool;
using weft_test::prometheus_parser;
using weft_test::value_of;

// The parser itself: it must find fault.
TEST(PrometheusParser, refuses_what_prometheus_refuses) {
  const std::string head = "# HELP x_total X.\n# TYPE x_total counter\n";
  EXPECT_NO_THROW(prometheus_parser::parse(head + "x_total{a=\"1\"} 2\nx_total{a=\"2\"} 1e3\n"));
  for (const std::string& wrong :
       {head + "x_total 1",
        head + "x_total -1\n",
        head + "x_total 1\nx_total 2\n",
        head + "y_total 1\n",
        head + "x_total{a=1} 1\n",
        head + "x_total{a=\"\\t\"} 1\n",
        head + "x_total{a=\"1} 1\n",
        head + "x_total{a=\"1\",a=\"2\"} 1\n",
        head + "x_total{1a=\"1\"} 1\n",
        head + "x_total  1\n",
        head + "x_total one\n",
        head + head,
        std::string{"x_total 1\n"},
        std::string{"# HELP x_total X.\n"},
        std::string{"# HELP x X.\n# TYPE x counter\n"},
        std::string{"# HELP x_total X.\n# TYPE x_total gauge\n"},
        std::string{"# HELP x_ms X.\n# TYPE x_ms gauge\n"},
        std::string{"\n"},
        std::string{"# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n"},
        std::string{"# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum "
                    "1\nh_count 1\n"},
        std::string{"# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n"}})
    EXPECT_THROW(prometheus_parser::parse(wrong), std::runtime_error) << wrong;
}

TEST(PrometheusText, escapes_help_and_labels) {
  prometheus_text out;
  out.family("weft_x", prometheus_text::kind::gauge, "a \\ b\n\"c\"");
  out.sample({{"name", "q\"uo\\te\nnew"}}, std::uint64_t{1});
  out.sample({{"name", "limit"}}, std::numeric_limits<double>::infinity());
  const std::string text = out.take();
  EXPECT_EQ(text,
            "# HELP weft_x a \\\\ b\\n\"c\"\n# TYPE weft_x gauge\n"
            "weft_x{name=\"q\\\"uo\\\\te\\nnew\"} 1\nweft_x{name=\"limit\"} +Inf\n");
  const auto all = prometheus_parser::parse(text);
  EXPECT_EQ(value_of(all, "weft_x", "name", "q\"uo\\te\nnew"), 1);
}

TEST(PrometheusText, durations_are_seconds_in_rising_buckets) {
  histogram h;
  h.record(1500ns);
  h.record(3ms, 2);
  h.record(1min);
  prometheus_text out;
  out.durations("weft_x", "X.", h);
  const std::string text = out.take();
  const auto all = prometheus_parser::parse(text);
  EXPECT_EQ(value_of(all, "weft_x_seconds", "le", "0.000001"), 0);
  EXPECT_EQ(value_of(all, "weft_x_seconds", "le", "0.000002"), 1);
  EXPECT_EQ(value_of(all, "weft_x_seconds", "le", "0.002"), 1);
  EXPECT_EQ(value_of(all, "weft_x_seconds", "le", "0.005"), 3);
  EXPECT_EQ(value_of(all, "weft_x_seconds", "le", "10"), 3);
  EXPECT_EQ(value_of(all, "weft_x_seconds", "le", "+Inf"), 4);
  EXPECT_EQ(value_of(all, "weft_x_max_seconds"), 60);
  EXPECT_NE(text.find("weft_x_seconds_sum 60.0060015\n"), text.npos) << text;
}

class Prometheus : public weft_test::leak_check {};

TEST_F(Prometheus, gets_what_the_runtime_has_counted) {
  runtime rt{weft_test::with_workers(2)};
  rt.block_on([] {
    for (int i = 0; i < 100; ++i) spawn([] { this_fiber::yield(); }).join();
  });
  ASSERT_TRUE(rt.stop());  // who joins goes on before the worker has counted
  const runtime_metrics m = rt.metrics();
  const std::string text = to_prometheus(m);
  const auto all = prometheus_parser::parse(text);
  EXPECT_EQ(complaints_of_promtool(text), "");
  EXPECT_EQ(value_of(all, "weft_fibers_spawned_total"), 101);
  EXPECT_EQ(value_of(all, "weft_workers"), 2);
  EXPECT_EQ(value_of(all, "weft_fibers", "state", "parked"), 0);
  EXPECT_EQ(value_of(all, "weft_fibers_parked", "reason", "channel_recv"), 0);
  double finished = 0;
  for (const auto& s : all.at("weft_worker_fibers_finished_total").samples) finished += s.value;
  EXPECT_EQ(finished, 101);
  EXPECT_EQ(value_of(all, "weft_worker_switches_total", "worker", "0"),
            static_cast<double>(m.workers[0].switches));
  EXPECT_EQ(value_of(all, "weft_stacks_in_use", "class", "kib64"), 0);
  EXPECT_EQ(value_of(all, "weft_pool_in_use", "pool", "fiber stacks"), 0);
  EXPECT_EQ(value_of(all, "weft_pool_limit", "pool", "fiber stacks"),
            std::numeric_limits<double>::infinity());
  for (const auto& [name, family] : all) EXPECT_TRUE(name.starts_with("weft_")) << name;
}

TEST_F(Prometheus, sums_pools_of_one_name) {
  runtime_metrics m;
  m.pools = {{"connections", {.in_use = 1, .limit = 10, .hits = 5}},
             {"other", {.in_use = 7}},
             {"connections", {.in_use = 2, .limit = SIZE_MAX, .hits = 6}}};
  const auto all = prometheus_parser::parse(to_prometheus(m));
  EXPECT_EQ(value_of(all, "weft_pool_in_use", "pool", "connections"), 3);
  EXPECT_EQ(value_of(all, "weft_pool_hits_total", "pool", "connections"), 11);
  EXPECT_EQ(value_of(all, "weft_pool_limit", "pool", "connections"), std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace weft

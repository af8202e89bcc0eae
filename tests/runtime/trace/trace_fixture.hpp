// What the tests of traces share: a trace that is stopped at the end of each, and a look at what it has.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <leak_check.hpp>
#include <weft/runtime/trace/otlp_json.hpp>
#include <weft/runtime/trace/record.hpp>
#include <weft/runtime/trace/tracer.hpp>

namespace weft::testing {

class Traced : public weft_test::leak_check {
 protected:
  static void begin(const trace::options& o = {}) { ASSERT_TRUE(trace::start(o)); }
  void TearDown() override { trace::stop(); }
};

/// The spans that have ended, as OTLP has them, by their names.
inline std::map<std::string, nlohmann::json> spans_by_name() {
  const auto document = nlohmann::json::parse(trace::to_otlp(trace::snapshot(), "test"));
  std::map<std::string, nlohmann::json> all;
  for (const auto& s : document["resourceSpans"][0]["scopeSpans"][0]["spans"])
    all[s["name"].get<std::string>()] = s;
  return all;
}

/// How many records of a kind there are.
inline std::size_t count_of(const trace::recording& in, trace::detail::record_kind kind) {
  std::size_t count = 0;
  for (const auto& t : in.tracks)
    count += static_cast<std::size_t>(std::ranges::count(t.records, kind, &trace::detail::record::kind));
  return count;
}

/// The value of an attribute, as OTLP has it; null: there is none.
inline nlohmann::json attribute_of(const nlohmann::json& span, std::string_view key) {
  for (const auto& a : span["attributes"])
    if (a["key"] == key) return a["value"];
  return {};
}

}  // namespace weft::testing

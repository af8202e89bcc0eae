// What the tests of census share: a runtime that looks whether all fibers are asleep, and what it has told.
#pragma once

#include <chrono>
#include <cstddef>

#include <gtest/gtest.h>

#include <reports.hpp>
#include <weft/runtime/options.hpp>

namespace weft {

/// What a report begins with.
inline constexpr const char* census_headline = "all fibers are asleep";

/// Reports to `reports`, and of nothing but that all are asleep.
inline options watched(unsigned workers = 2) {
  options o;
  o.workers = workers;
  o.spin = std::chrono::nanoseconds{0};
  o.overflow_report = false;
  o.asleep_report = true;
  o.error_sink = weft_test::reports::sink;
  return o;
}

/// How often it was reported since the last call.
inline std::size_t told() { return weft_test::reports::with(weft_test::reports::take(), census_headline); }

class Census : public testing::Test {
 protected:
  Census() { weft_test::reports::clear(); }
};

}  // namespace weft

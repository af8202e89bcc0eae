// What the tests of tasks share.
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <leak_check.hpp>
#include <reports.hpp>
#include <weft/runtime/runtime.hpp>
#include <with_workers.hpp>

namespace weft_test {

class Task : public leak_check {
 protected:
  Task() { reports::clear(); }
  ~Task() override {
    EXPECT_EQ(reports::take(), std::vector<std::string>{}) << "reports that no test asked for";
  }
};

/// Runs f in a fiber of a runtime with one worker.
template <class F>
auto in_fiber(F f) {
  return weft::run(f, with_workers(1));
}

}  // namespace weft_test

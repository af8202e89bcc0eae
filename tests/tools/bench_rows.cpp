// Rows for bench_test.py: what they "measure" is in the environment, so that the test says what changes.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "harness.hpp"

namespace {

double figure(const char* variable) {
  const char* const text = std::getenv(variable);
  return text != nullptr ? std::strtod(text, nullptr) : 100;
}

bench::sample costing(const char* variable, std::uint64_t operations) {
  const auto ns = static_cast<std::int64_t>(figure(variable) * static_cast<double>(operations));
  return {operations, ns, ns};
}

// A hundred operations of 1, 2, 3, ... times what the environment says.
bench::sample ramp(std::uint64_t, std::vector<std::int64_t>& each) {
  for (std::int64_t i = 1; i <= 100; ++i) each.push_back(i * static_cast<std::int64_t>(figure("RAMP")));
  return costing("RAMP", 100);
}

const int rows[] = {
    bench::time_row("steady", [](std::uint64_t n) { return costing("STEADY", n); }, {.operations = 1000}),
    bench::time_row("other", [](std::uint64_t n) { return costing("OTHER", n); }, {.operations = 1000}),
    bench::time_row("calibrate", [](std::uint64_t n) { return costing("CALIBRATE", n); },
                    {.operations = 1000}),
    bench::time_row("copied", [](std::uint64_t n) { return costing("COPIED", n); },
                    {.operations = 1000, .bytes = true}),
    bench::time_row("broken", [](std::uint64_t) { return bench::sample{}; }),
    bench::latency_row("ramp", ramp, {.operations = 100, .repetitions = 3}),
    bench::memory_row("idle", [] { return figure("IDLE"); }),
};

}  // namespace

int main(int argc, char** argv) { return bench::run_rows(argc, argv, "bench-rows", "1.2.3"); }

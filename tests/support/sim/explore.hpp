// Many seeds of one world: the first that fails is reported, traced, and can be replayed.
//
// The seeds run in a child process, so an assertion of the library or a wild pointer is a finding like any
// other. Replay with WEFT_SIM_SEED=n: that seed alone runs, in the test's own process, with its trace printed
// if it fails. WEFT_SIM_SEEDS=n runs n seeds instead of what the tests ask for, WEFT_SIM_TRACE=n shows n
// steps.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sim/mutation.hpp>
#include <sim/sim.hpp>

namespace weft {

/// One seed's whole life: sets up, runs the world, and checks with gtest or world.check().
using scenario = std::function<void(sim& world)>;

struct finding {
  std::uint64_t seed;
  std::string what;
};

struct exploration {
  std::optional<finding> failure;
  std::uint64_t seeds = 0;
  std::uint64_t steps = 0;
};

/// Runs seeds 1 to `seeds` until one fails; silently.
exploration find_failure(std::uint64_t seeds, const scenario& run, simulator_options options = {});

/// Runs seeds 1 to `seeds`; the first failure fails the running test, with the report of a second run of that
/// seed.
exploration explore(std::uint64_t seeds, const scenario& run, simulator_options options = {});

/// What is to be mutated.
struct code {
  code(const char* file_, std::string_view function_ = {}) : file{file_}, function{function_} {}

  std::string_view file;      // the end of its path
  std::string_view function;  // a part of the function's name as the compiler writes it
};

/// An operation that a mutation test need not find, and why.
struct exemption {
  std::string_view text;  // a part of its line in the source
  mutation::change how;
  std::string_view reason;
  detail::step_kind kind = detail::step_kind::none;  // given: only this, where a line has several
  // Whether it is noticed depends on where things lie in memory, which is not the same in every process.
  bool by_address = false;
};

/// Mutates each operation that `run` passes through in `part`, one at a time, and
/// fails the running test for every mutation that no seed of 1 to `seeds` notices, unless it is exempt; and
/// for every exemption that is noticed (by a tenth of the seeds, and not `by_address`) or matches nothing, so
/// that the list stays honest.
void expect_mutations_found(const code& part, std::uint64_t seeds, const scenario& run,
                            const std::vector<exemption>& exempt = {}, simulator_options options = {});

}  // namespace weft

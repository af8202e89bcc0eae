// How much stack the fibers of each spawn site use: options.stack_census.
//
// When a fiber ends, the pages of its stack that are in memory are counted (mincore), and then given back, so
// that the next fiber on that stack is counted by itself. So figures are whole pages, and a page that a
// fiber only jumped over, with a large array that it did not write to, counts as used only if one below it
// is. While a census is taken each fiber costs about 3 us more, and stacks are never warm; without one it
// costs nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <weft/pools/stack_class.hpp>

namespace weft {

struct stack_use {
  std::string file;  // where the fibers were spawned
  std::uint32_t line = 0;
  std::string function;
  stack_class stack = stack_class::kib64;
  std::uint64_t fibers = 0;   // that have ended
  std::size_t bytes_max = 0;  // the most that one of them used
  std::size_t bytes_p99 = 0;  // what 99 of 100 did not exceed; above 64 KiB rounded up by at most a quarter
};

/// What has been counted in this process, by all runtimes with options.stack_census: the largest first.
///
/// Safe from  any fiber or thread with room for a std::vector's growth; throws std::bad_alloc.
std::vector<stack_use> stack_census();

/// The same as JSON: {"sites": [...]}, a site per line, for weft-doctor --stacks.
std::string stack_census_json();

}  // namespace weft

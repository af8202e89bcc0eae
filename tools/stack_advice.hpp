// Which stack class suits the fibers of each spawn site: weft-doctor --stacks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <weft/pools/stack_class.hpp>

struct stack_advice {
  std::string file, function;
  std::uint32_t line = 0;
  std::string now;  // the class that they have
  std::uint64_t fibers = 0;
  std::size_t bytes_max = 0, bytes_p99 = 0;
  weft::stack_class suits = weft::stack_class::kib64;

  bool changes() const { return now != weft::detail::name(suits); }
};

/// The smallest class of which the most that was seen is at most half: paths that a trial does not take go
/// deeper. Never kib4, which saves no memory against kib16 (a page each), only address space. mib1 is the
/// last, though it may be too small.
weft::stack_class suitable_class(std::size_t bytes_max) noexcept;

struct stack_report {
  std::vector<stack_advice> sites;
  std::uint64_t fibers_left_out = 0;  // of sites that there was no room for
};

/// Of a file that stack_census() or WEFT_STACK_CENSUS has written; none: it is no such file.
std::optional<stack_report> read_stack_census(const char* path);

void print_stacks_text(const stack_report& all);
void print_stacks_json(const stack_report& all);

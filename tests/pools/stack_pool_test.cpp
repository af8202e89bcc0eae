// Stacks: where they lie, what guards them, what they cost, and that they go back.
#include <weft/pools/stack_pool.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <system_error>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <weft/pools/numa.hpp>
#include <weft/runtime/base/clock.hpp>

#include "process_memory.hpp"

namespace weft::detail {
namespace {

using weft_test::mappings;
using weft_test::refuses_write;
using weft_test::status_bytes;

constexpr std::array all_classes{stack_class::kib4, stack_class::kib16, stack_class::kib64,
                                 stack_class::kib256, stack_class::mib1};
constexpr bool sanitized = WEFT_ASAN || WEFT_TSAN;  // shadow memory counts as ours
constexpr const char* why_not = "needs page-table guards, and no sanitizer";

/// A depot and one cache; at the end all stacks must be back.
struct StackPool : testing::Test {
  void open(stack_depot_options options = {}) {
    depot = std::make_unique<stack_depot>(options);
    cache = std::make_unique<stack_cache>(*depot);
  }
  std::vector<std::byte*> take(stack_class c, std::size_t count) {
    std::vector<std::byte*> stacks(count);
    for (std::byte*& stack : stacks) {
      stack = cache->take(c);
      EXPECT_NE(stack, nullptr);
    }
    return stacks;
  }
  void give(stack_class c, const std::vector<std::byte*>& stacks) {
    for (std::byte* stack : stacks) cache->give(c, stack);
  }
  /// As a fiber does that calls a few functions: touches the page at the top.
  static void touch(stack_class c, std::byte* stack) { stack[usable(c) - 64] = std::byte{1}; }

  void TearDown() override {
    if (depot == nullptr) return;
    EXPECT_EQ(depot->count().in_use, 0u);
    cache.reset();
    depot.reset();
  }

  std::unique_ptr<stack_depot> depot;
  std::unique_ptr<stack_cache> cache;
};

TEST_F(StackPool, a_stack_of_each_class_is_usable_in_full_and_ends_at_a_multiple_of_its_stride) {
  open();
  for (const stack_class c : all_classes) {
    std::byte* const stack = cache->take(c);
    ASSERT_NE(stack, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(stack + usable(c)) % stride(c), 0u);
    std::memset(stack, 0xab, usable(c));
    cache->give(c, stack);
  }
  EXPECT_EQ(stride(stack_class::kib64), 65536u);
  EXPECT_EQ(usable(stack_class::kib64), 48u * 1024);
  EXPECT_EQ(usable(stack_class::kib4), 4096u);
}

TEST_F(StackPool, stacks_never_overlap) {
  open();
  for (const stack_class c : all_classes) {
    std::vector<std::byte*> stacks = take(c, 300);
    std::ranges::sort(stacks);
    for (std::size_t i = 1; i < stacks.size(); ++i)
      EXPECT_GE(stacks[i] - stacks[i - 1], std::ptrdiff_t(stride(c)));
    give(c, stacks);
  }
}

TEST_F(StackPool, every_stack_has_a_guard_over_all_of_its_guard_range) {
  for (const guard_kind kind : {guard_kind::page_table, guard_kind::mprotect}) {
    if (!guard_works(kind)) continue;
    open({.guard = kind});
    for (const stack_class c : all_classes) {
      const std::vector<std::byte*> stacks = take(c, 70);
      for (std::byte* stack : stacks) {
        EXPECT_TRUE(refuses_write(stack - 1));
        EXPECT_TRUE(refuses_write(stack - guard(c)));
        EXPECT_FALSE(refuses_write(stack));
        EXPECT_FALSE(refuses_write(stack + usable(c) - 1));
      }
      give(c, stacks);
    }
    EXPECT_EQ(depot->guards(), kind);
    cache.reset();
    depot.reset();
  }
}

TEST_F(StackPool, the_stack_given_last_is_taken_first) {
  open();
  const std::vector<std::byte*> stacks = take(stack_class::kib64, 3);
  give(stack_class::kib64, stacks);
  EXPECT_EQ(cache->take(stack_class::kib64), stacks[2]);
  EXPECT_EQ(cache->take(stack_class::kib64), stacks[1]);
  EXPECT_EQ(cache->take(stack_class::kib64), stacks[0]);
  give(stack_class::kib64, stacks);
}

TEST_F(StackPool, no_stack_is_carved_while_there_are_free_ones) {
  open({.arena_bytes = 4 * mib});
  for (const stack_class c : all_classes) {
    std::size_t carved = 0;
    for (int round = 0; round < 4; ++round) {
      const std::vector<std::byte*> stacks = take(c, 1'000);
      const stack_depot::class_census census = depot->count().by_class[static_cast<std::size_t>(c)];
      EXPECT_EQ(census.in_use, 1'000u);
      if (round == 0) carved = census.in_use + census.warm + census.cold;
      EXPECT_EQ(census.in_use + census.warm + census.cold, carved) << name(c) << ", round " << round;
      give(c, stacks);
    }
  }
}

// The fiber that gives its stack back still runs on it.
TEST_F(StackPool, giving_writes_nothing_into_the_stack) {
  for (const guard_kind kind : {guard_kind::page_table, guard_kind::canary}) {
    open({.guard = kind});
    const std::vector<std::byte*> stacks = take(stack_class::kib16, 500);
    for (std::byte* stack : stacks) std::memset(stack, 0x5c, usable(stack_class::kib16));
    give(stack_class::kib16, stacks);
    for (std::byte* stack : stacks)
      ASSERT_TRUE(std::all_of(stack, stack + usable(stack_class::kib16),
                              [](std::byte b) { return b == std::byte{0x5c}; }));
    cache.reset();
    depot.reset();
  }
}

TEST_F(StackPool, a_stack_given_twice_is_an_assertion) {
  open();
  std::byte* const stack = cache->take(stack_class::kib64);
  cache->give(stack_class::kib64, stack);
  EXPECT_DEATH(
      {
        cache->give(stack_class::kib64, stack);
        cache.reset();
      },
      "given back twice");
  cache.reset();
  cache = std::make_unique<stack_cache>(*depot);
}

TEST_F(StackPool, an_address_finds_its_stack) {
  open();
  for (const stack_class c : all_classes) {
    std::byte* const stack = cache->take(c);
    for (const std::size_t offset : {std::size_t{0}, usable(c) / 2, usable(c) - 1}) {
      stack_place place;
      ASSERT_TRUE(find_stack(stack + offset, place));
      EXPECT_EQ(place.base, stack);
      EXPECT_EQ(place.size, c);
      EXPECT_FALSE(place.in_guard);
    }
    for (const std::size_t below : {std::size_t{1}, guard(c)}) {
      stack_place place;
      ASSERT_TRUE(find_stack(stack - below, place));
      EXPECT_EQ(place.base, stack);
      EXPECT_TRUE(place.in_guard);
    }
    cache->give(c, stack);
  }
  int local = 0;
  stack_place place;
  EXPECT_FALSE(find_stack(&local, place));
  EXPECT_FALSE(find_stack(nullptr, place));
  EXPECT_FALSE(find_stack(reinterpret_cast<void*>(~std::uintptr_t{0}), place));
}

TEST_F(StackPool, an_unmapped_arena_is_not_found) {
  open({.warm = 0});
  std::byte* const stack = cache->take(stack_class::kib64);
  cache->give(stack_class::kib64, stack);
  EXPECT_FALSE(cache->trim());
  stack_place place;
  EXPECT_FALSE(find_stack(stack, place));
  EXPECT_EQ(depot->count().mapped, 0u);
}

TEST_F(StackPool, trim_keeps_the_warm_set_and_frees_the_rest) {
  open({.warm = 200});
  const std::size_t before = status_bytes("VmRSS");
  const std::vector<std::byte*> stacks = take(stack_class::kib64, 10'000);
  for (std::byte* stack : stacks) touch(stack_class::kib64, stack);
  EXPECT_EQ(depot->count().in_use, 10'000u);
  give(stack_class::kib64, stacks);
  EXPECT_EQ(depot->count().in_use, 0u);
  EXPECT_GE(depot->count().warm, 10'000u);
  EXPECT_FALSE(cache->trim());
  const stack_depot::census after = depot->count();
  EXPECT_EQ(after.warm, 200u);
  EXPECT_EQ(after.in_use, 0u);
  if (!sanitized) {
    EXPECT_LT(status_bytes("VmRSS"), before + (200 * 4096) + mib);
  }
}

// --- adaptive

TEST_F(StackPool, an_adaptive_depot_keeps_what_the_last_burst_needed) {
  open({.warm = 100, .adaptive = true, .adapt_every = std::chrono::hours{1}});
  cache->trim();  // the first window begins
  give(stack_class::kib64, take(stack_class::kib64, 2000));
  EXPECT_FALSE(cache->trim());
  EXPECT_GE(depot->count().warm, 2000u);
  EXPECT_GE(depot->count().kept, 2000u);
  give(stack_class::kib64, take(stack_class::kib64, 10));  // a quiet time, but a short one
  EXPECT_FALSE(cache->trim());
  EXPECT_GE(depot->count().warm, 2000u);
}

TEST_F(StackPool, an_adaptive_depot_shrinks_to_its_floor_when_a_while_was_quiet) {
  open({.warm = 100, .adaptive = true, .adapt_every = std::chrono::nanoseconds{0}});
  give(stack_class::kib64, take(stack_class::kib64, 2000));
  EXPECT_FALSE(cache->trim());
  EXPECT_GE(depot->count().warm, 2000u);
  EXPECT_FALSE(cache->trim());  // nothing was in use since
  EXPECT_EQ(depot->count().kept, 100u);
  EXPECT_EQ(depot->count().warm, 100u);
}

// A worker with nothing to do sleeps: it must know when to look again.
TEST_F(StackPool, an_adaptive_depot_says_when_it_may_shrink) {
  using namespace std::chrono_literals;
  const std::int64_t before = steady_ns();
  open({.warm = 100, .adaptive = true, .adapt_every = 1h});
  EXPECT_EQ(depot->shrinks_at(), INT64_MAX);  // nothing is kept beyond the floor
  const std::vector<std::byte*> stacks = take(stack_class::kib64, 2000);
  cache->trim();
  EXPECT_EQ(depot->shrinks_at(), INT64_MAX);  // it is all in use
  give(stack_class::kib64, stacks);
  cache->trim();
  const std::chrono::nanoseconds hour = 1h;
  EXPECT_GE(depot->shrinks_at(), before + hour.count());
  EXPECT_LE(depot->shrinks_at(), steady_ns() + hour.count());
}

TEST_F(StackPool, a_depot_that_has_shrunk_or_never_does_needs_no_more_looks) {
  open({.warm = 100, .adaptive = true, .adapt_every = std::chrono::nanoseconds{0}});
  give(stack_class::kib64, take(stack_class::kib64, 2000));
  EXPECT_FALSE(cache->trim());
  EXPECT_NE(depot->shrinks_at(), INT64_MAX);
  for (int i = 0; i < 4; ++i) cache->trim();  // at first the cache's own count as in use
  EXPECT_EQ(depot->shrinks_at(), INT64_MAX);
  TearDown();
  open({.warm = 100});
  give(stack_class::kib64, take(stack_class::kib64, 2000));
  EXPECT_FALSE(cache->trim());
  EXPECT_EQ(depot->shrinks_at(), INT64_MAX);
}

TEST_F(StackPool, an_adaptive_depot_stays_as_it_is_between_30_and_90_percent) {
  open({.warm = 100, .adaptive = true, .adapt_every = std::chrono::nanoseconds{0}});
  give(stack_class::kib64, take(stack_class::kib64, 2000));
  cache->trim();
  const std::size_t kept = depot->count().kept;
  const std::vector<std::byte*> half = take(stack_class::kib64, kept / 2);
  cache->trim();
  EXPECT_GE(depot->count().kept + kept / 2 + 64, kept);  // 64: the cache's, which count as taken
  give(stack_class::kib64, half);
  cache->trim();
  EXPECT_NEAR(static_cast<double>(depot->count().kept), static_cast<double>(kept), 64);
}

// --- what it says of itself

TEST_F(StackPool, counts_batches_and_the_most_that_were_out) {
  open();
  give(stack_class::kib64, take(stack_class::kib64, 320));
  const stack_depot::census now = depot->count();
  EXPECT_EQ(now.batches, 10u);
  EXPECT_EQ(now.high_water, 320u);
  EXPECT_EQ(now.refused, 0u);
}

// Where there is one node, all memory lies on it: that the kernel was asked shows in the policy.
TEST_F(StackPool, stacks_of_a_node_are_asked_for_there) {
  const unsigned node = numa_topology::read().nodes.front().id;
  open({.node = node});
  const std::vector<std::byte*> stacks = take(stack_class::kib64, 1);
  int policy = -1;
  const long done = ::syscall(SYS_get_mempolicy, &policy, nullptr, 0ul, stacks[0], MPOL_F_ADDR);
  const std::error_code refused = prefer_node(stacks[0], usable(stack_class::kib64), node);
  give(stack_class::kib64, stacks);
  if (refused == std::errc::operation_not_permitted || refused == std::errc::function_not_supported)
    GTEST_SKIP() << "mbind is not allowed here";
  ASSERT_EQ(done, 0);
  EXPECT_EQ(policy, MPOL_PREFERRED);
}

TEST_F(StackPool, stacks_of_a_node_lie_there) {
  open({.node = numa_topology::read().nodes.front().id});
  const std::vector<std::byte*> stacks = take(stack_class::kib64, 100);
  for (std::byte* stack : stacks) touch(stack_class::kib64, stack);
  for (std::byte* stack : stacks) {
    const result<unsigned> node = node_of(stack + usable(stack_class::kib64) - 64);
    if (!node && node.error() == std::errc::operation_not_permitted) {
      give(stack_class::kib64, stacks);
      GTEST_SKIP() << "move_pages is not allowed here";
    }
    EXPECT_EQ(node.value(), numa_topology::read().nodes.front().id);
  }
  give(stack_class::kib64, stacks);
}

TEST_F(StackPool, few_free_stacks_stay_where_they_are_when_idle) {
  open();
  const std::vector<std::byte*> stacks = take(stack_class::kib64, 20);
  give(stack_class::kib64, stacks);
  EXPECT_FALSE(cache->trim());
  EXPECT_EQ(cache->take(stack_class::kib64), stacks.back());
  cache->give(stack_class::kib64, stacks.back());
}

TEST_F(StackPool, trim_touches_no_stack_that_is_in_use) {
  open({.warm = 0, .arena_bytes = 4 * mib});
  std::vector<std::byte*> stacks = take(stack_class::kib16, 4'000);
  std::vector<std::byte*> kept;
  for (std::size_t i = 0; i < stacks.size(); ++i) {
    std::memset(stacks[i], static_cast<int>(i % 251) + 1, usable(stack_class::kib16));
    if (i % 397 == 0) kept.push_back(stacks[i]);
    else cache->give(stack_class::kib16, stacks[i]);
  }
  EXPECT_FALSE(cache->trim());
  EXPECT_EQ(depot->count().in_use, kept.size());
  EXPECT_EQ(depot->count().warm, 0u);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const auto mark = static_cast<std::byte>(i * 397 % 251 + 1);
    EXPECT_TRUE(
        std::all_of(kept[i], kept[i] + usable(stack_class::kib16), [&](std::byte b) { return b == mark; }));
    EXPECT_TRUE(refuses_write(kept[i] - 1));
  }
  const std::size_t arenas = depot->count().arenas;
  EXPECT_LE(arenas, kept.size());  // the others are gone
  give(stack_class::kib16, kept);
  EXPECT_FALSE(cache->trim());
  EXPECT_EQ(depot->count().arenas, 0u);
}

// The last stacks in use may lie anywhere. Once they are free, they must not keep page tables for all the
// others.
TEST_F(StackPool, a_few_warm_stacks_do_not_keep_many_arenas) {
  open({.arena_bytes = 4 * mib});
  const std::vector<std::byte*> stacks = take(stack_class::kib16, 5'000);
  std::vector<std::byte*> scattered;
  for (std::size_t i = 0; i < stacks.size(); ++i) {
    if (i % 256 == 7) scattered.push_back(stacks[i]);
    else cache->give(stack_class::kib16, stacks[i]);
  }
  EXPECT_FALSE(cache->trim());
  EXPECT_GE(depot->count().arenas, scattered.size() - 1);
  give(stack_class::kib16, scattered);
  EXPECT_FALSE(cache->trim());
  EXPECT_LE(depot->count().arenas, 500u / 256 + 1);
  EXPECT_GT(depot->count().warm, 0u);
}

TEST_F(StackPool, guards_survive_trimming) {
  open({.warm = 0});
  const std::vector<std::byte*> stacks = take(stack_class::kib64, 7 * stacks_per_chunk(stack_class::kib64));
  for (std::byte* stack : stacks) touch(stack_class::kib64, stack);
  std::byte* const kept = stacks[100];  // keeps the arena
  for (std::byte* stack : stacks)
    if (stack != kept) cache->give(stack_class::kib64, stack);
  EXPECT_FALSE(cache->trim());
  const std::vector<std::byte*> again = take(stack_class::kib64, stacks.size() - 1);
  for (std::byte* stack : again) {
    EXPECT_TRUE(std::ranges::find(stacks, stack) != stacks.end());
    EXPECT_TRUE(refuses_write(stack - 1));
  }
  give(stack_class::kib64, again);
  cache->give(stack_class::kib64, kept);
}

TEST_F(StackPool, trim_stops_at_its_deadline_and_goes_on_when_called_again) {
  open({.warm = 0});
  const std::vector<std::byte*> stacks = take(stack_class::kib64, 6'000);
  for (std::byte* stack : stacks) touch(stack_class::kib64, stack);
  std::byte* const kept = stacks[0];
  for (std::byte* stack : stacks)
    if (stack != kept) cache->give(stack_class::kib64, stack);
  std::size_t calls = 1;
  ASSERT_TRUE(cache->trim(deadline::past()));
  const std::size_t warm = depot->count().warm;
  EXPECT_LT(warm, 5'999u);
  EXPECT_GT(warm, 0u);
  for (; cache->trim(deadline::past()); ++calls) ASSERT_LT(calls, 1000u);
  EXPECT_GT(calls, 2u);
  EXPECT_EQ(depot->count().warm, 0u);
  EXPECT_GT(depot->count().mapped, 0u);
  cache->give(stack_class::kib64, kept);
  // Nothing is warm any more long before the last of the address space is gone.
  for (calls = 1; cache->trim(deadline::past()); ++calls) ASSERT_LT(calls, 1000u);
  EXPECT_GT(calls, 2u);
  EXPECT_EQ(depot->count().mapped, 0u);
}

TEST_F(StackPool, beyond_the_limit_of_mprotect_guards_stacks_have_canaries) {
  open({.warm = 0, .guard = guard_kind::mprotect, .mprotect_guards_max = 64});
  const std::vector<std::byte*> stacks = take(stack_class::kib64, 200);
  std::size_t trapping = 0;
  for (std::byte* stack : stacks) trapping += refuses_write(stack - 1) ? 1u : 0u;
  EXPECT_EQ(trapping, 64u);
  EXPECT_EQ(depot->guards(), guard_kind::canary);
  for (std::byte* stack : stacks) touch(stack_class::kib64, stack);
  // refuses_write() has overwritten the canary's last byte where it was not refused.
  for (std::byte* stack : stacks)
    if (!refuses_write(stack - 1)) stack[-1] = std::byte{0};
  give(stack_class::kib64, stacks);
  EXPECT_FALSE(cache->trim());
  EXPECT_EQ(depot->count().mapped, 0u);
  // What is unmapped no longer counts against the limit.
  EXPECT_TRUE(charge_mprotect_guards(64, 64));
  refund_mprotect_guards(64);
}

stack_class overflown_class;
const std::byte* overflown_base = nullptr;
int overflown_calls = 0;

TEST_F(StackPool, an_overwritten_canary_is_noticed_when_the_stack_comes_back) {
  open({.guard = guard_kind::canary, .overflown = [](stack_class c, const std::byte* base) noexcept {
          overflown_class = c;
          overflown_base = base;
          ++overflown_calls;
        }});
  for (const stack_class c : all_classes) {
    overflown_calls = 0;
    std::byte* const stack = cache->take(c);
    std::byte* const other = cache->take(c);
    stack[-8] = std::byte{0x40};
    cache->give(c, other);
    EXPECT_EQ(overflown_calls, 0);
    cache->give(c, stack);
    ASSERT_EQ(overflown_calls, 1);
    EXPECT_EQ(overflown_base, stack);
    EXPECT_EQ(overflown_class, c);
    // The canary is whole again.
    ASSERT_EQ(cache->take(c), stack);
    cache->give(c, stack);
    EXPECT_EQ(overflown_calls, 1);
  }
}

TEST_F(StackPool, an_overwritten_canary_aborts_if_nobody_wants_to_hear_of_it) {
  open({.guard = guard_kind::canary});
  std::byte* const stack = cache->take(stack_class::kib4);
  EXPECT_DEATH(
      {
        stack[-64] = std::byte{1};
        cache->give(stack_class::kib4, stack);
      },
      "overflown its stack");
  cache->give(stack_class::kib4, stack);
}

// What follows changes limits of the whole process, so it runs in a child; its status says what went wrong.

int under_mlockall() {
  if (mlockall(MCL_FUTURE) != 0) return 0;  // not allowed here
  const std::size_t before = status_bytes("VmRSS");
  stack_depot& depot = *new stack_depot;  // as the child ends, so do they
  stack_cache& cache = *new stack_cache{depot};
  std::byte* const stack = cache.take(stack_class::kib64);
  if (depot.guards() != guard_kind::mprotect || stack == nullptr || !refuses_write(stack - 1)) return 1;
  return status_bytes("VmRSS") > before + 8 * mib ? 2 : 0;  // 2: a whole arena was populated
}

// Linux refuses page-table guards in locked memory.
TEST_F(StackPool, under_mlockall_stacks_are_guarded_by_mprotect) {
  if (sanitized || !guard_works(guard_kind::page_table)) GTEST_SKIP() << why_not;
  EXPECT_EXIT(_exit(under_mlockall()), testing::ExitedWithCode(0), "");
}

int mlockall_between_two_chunks() {
  stack_depot& depot = *new stack_depot;  // as the child ends, so do they
  stack_cache& cache = *new stack_cache{depot};
  std::byte* const first = cache.take(stack_class::kib64);
  if (depot.guards() != guard_kind::page_table || mlockall(MCL_CURRENT | MCL_FUTURE) != 0) return 0;
  for (int i = 0; i < 64; ++i) {
    std::byte* const stack = cache.take(stack_class::kib64);
    if (stack == nullptr || !refuses_write(stack - 1)) return 1;
  }
  return depot.guards() == guard_kind::mprotect && refuses_write(first - 1) ? 0 : 2;
}

TEST_F(StackPool, guards_fall_back_when_the_best_kind_stops_working) {
  if (sanitized || !guard_works(guard_kind::page_table)) GTEST_SKIP() << why_not;
  EXPECT_EXIT(_exit(mlockall_between_two_chunks()), testing::ExitedWithCode(0), "");
}

int with_little_address_space() {
  const std::size_t room = status_bytes("VmSize") + 300 * mib;
  const rlimit limit{room, room};
  setrlimit(RLIMIT_AS, &limit);
  stack_depot& depot = *new stack_depot;  // as the child ends, so do they
  stack_cache& cache = *new stack_cache{depot};
  std::size_t count = 0;
  while (cache.take(stack_class::mib1) != nullptr) ++count;
  return count > 270 && count <= 300 ? 0 : 1;
}

TEST_F(StackPool, with_little_address_space_arenas_are_smaller_and_then_there_is_no_stack) {
  if (sanitized) GTEST_SKIP() << "shadow memory needs the address space";
  EXPECT_EXIT(_exit(with_little_address_space()), testing::ExitedWithCode(0), "");
}

TEST_F(StackPool, twenty_thousand_guarded_stacks_are_a_handful_of_mappings) {
  if (!guard_works(guard_kind::page_table)) GTEST_SKIP() << "needs page-table guards, and no sanitizer";
  open({.arena_bytes = 64 * mib});
  const std::size_t before = mappings();
  const std::vector<std::byte*> stacks = take(stack_class::kib64, 20'000);
  for (std::byte* stack : stacks) touch(stack_class::kib64, stack);
  EXPECT_LT(mappings(), before + 10);
  give(stack_class::kib64, stacks);
}

#if WEFT_ASAN
TEST_F(StackPool, poison_of_the_last_user_is_gone) {
  open();
  std::byte* const stack = cache->take(stack_class::kib64);
  __asan_poison_memory_region(stack + 1024, 4096);
  cache->give(stack_class::kib64, stack);
  ASSERT_EQ(cache->take(stack_class::kib64), stack);
  EXPECT_EQ(__asan_region_is_poisoned(stack, usable(stack_class::kib64)), nullptr);
  cache->give(stack_class::kib64, stack);
}
#endif

// Threads take stacks, mark them, pass some on through a common heap, give back what they find there, and
// trim.
TEST_F(StackPool, many_threads_share_a_depot) {
  open({.warm = 50, .arena_bytes = 4 * mib});
  std::mutex lock;
  std::vector<std::pair<stack_class, std::byte*>> heap;
  const auto work = [&](unsigned seed) {
    std::mt19937 random{seed};
    stack_cache mine{*depot};
    for (int round = 0; round < 3'000; ++round) {
      const stack_class c = all_classes[random() % 3];
      std::vector<std::byte*> taken(random() % 40);
      for (std::byte*& stack : taken) {
        stack = mine.take(c);
        ASSERT_NE(stack, nullptr);
        std::memcpy(stack + usable(c) - 16, &stack, sizeof(stack));
      }
      for (std::byte* stack : taken) {
        std::byte* mark;
        std::memcpy(&mark, stack + usable(c) - 16, sizeof(mark));
        ASSERT_EQ(mark, stack) << "another thread has the same stack";
      }
      const std::lock_guard hold{lock};
      for (std::byte* stack : taken) heap.emplace_back(c, stack);
      for (std::size_t n = random() % 45; n > 0 && !heap.empty(); --n) {
        std::swap(heap[random() % heap.size()], heap.back());
        mine.give(heap.back().first, heap.back().second);
        heap.pop_back();
      }
      if (random() % 64 == 0) mine.trim();
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i) threads.emplace_back(work, i + 1);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(depot->count().in_use, heap.size());
  for (const auto& [c, stack] : heap) cache->give(c, stack);
}

// A tenth of what the issue promises, so that the tests stay quick: WEFT_TEST_STACKS=1000000 shows the rest.
TEST_F(StackPool, a_touched_stack_costs_one_page_and_its_page_tables_and_all_of_it_goes_back) {
  if (sanitized || !guard_works(guard_kind::page_table)) GTEST_SKIP() << why_not;
  const char* const wish = std::getenv("WEFT_TEST_STACKS");
  const std::size_t count = wish != nullptr ? std::strtoull(wish, nullptr, 10) : 100'000;
  open();
  std::vector<std::byte*> stacks(count, nullptr);
  const std::size_t resident = status_bytes("VmRSS");
  const std::size_t tables = status_bytes("VmPTE");
  for (std::byte*& stack : stacks) {
    stack = cache->take(stack_class::kib64);
    ASSERT_NE(stack, nullptr);
    touch(stack_class::kib64, stack);
  }
  EXPECT_LE(static_cast<double>(status_bytes("VmRSS") - resident) / static_cast<double>(count), 4'110.0);
  EXPECT_LE(static_cast<double>(status_bytes("VmPTE") - tables) / static_cast<double>(count), 131.0);
  EXPECT_LT(mappings(), 100u);
  EXPECT_EQ(depot->guards(), guard_kind::page_table);
  give(stack_class::kib64, stacks);
  EXPECT_FALSE(cache->trim());
  EXPECT_LT(status_bytes("VmRSS") + status_bytes("VmPTE"), resident + tables + 8 * mib);
}

}  // namespace
}  // namespace weft::detail

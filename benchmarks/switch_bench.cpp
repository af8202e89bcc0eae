// The bare switch of <weft/runtime/context/context.hpp>, no scheduler and no fiber: two contexts that
// switch to each other. One operation is a round trip, two switches.
//
// Each context runs a function of its own; in the row *_one_function both run the same one, so that a
// single suspension point serves two stacks, which branch prediction and store forwarding like less.
#include <cstddef>
#include <cstdint>
#include <memory>

#include <weft/runtime/context/context.hpp>

#include "harness.hpp"

namespace {

using weft::detail::context;

struct state {
  context main, sides[2];
  std::uint64_t left = 0;  // round trips
};
state* now = nullptr;  // an entry takes no argument

// Side 0 counts, and goes back to main when it is done.
template <int Which>
[[gnu::noinline]] void turn(int self) noexcept {
  state& s = *now;
  context &mine = s.sides[self], &other = s.sides[1 - self];
  for (;;) {
    if (self == 0 && s.left-- == 0) weft::detail::context_switch(mine, s.main);
    else weft::detail::context_switch(mine, other);
  }
}

template <int Which>
void first() noexcept {
  turn<Which>(0);
}
template <int Which>
void second() noexcept {
  turn<Which>(1);
}

void run(state& s, std::uint64_t round_trips) {
  s.left = round_trips;
  weft::detail::context_switch(s.main, s.sides[0]);
}

template <int First, int Second>
bench::sample round_trip(std::uint64_t operations) {
  constexpr std::size_t stack_bytes = 64 * 1024;
  const auto stacks = std::make_unique<std::byte[]>(2 * stack_bytes);
  state s;
  now = &s;
  weft::detail::context_adopt_thread(s.main);
  weft::detail::context_create(s.sides[0], stacks.get(), stack_bytes, first<First>);
  weft::detail::context_create(s.sides[1], stacks.get() + stack_bytes, stack_bytes, second<Second>);
  run(s, 100);  // touches the stacks
  const bench::stopwatch watch;
  run(s, operations);
  const bench::sample taken = watch.stop(operations);
  for (context& c : s.sides) weft::detail::context_destroy(c);
  return taken;
}

const int rows[] = {
    bench::time_row("switch/round_trip", round_trip<0, 1>),
    bench::time_row("switch/round_trip_one_function", round_trip<0, 0>),
};

}  // namespace

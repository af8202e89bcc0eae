// Boost.Context, boost::context::fiber: the bare switch, and a ring of fibers that resume each other. There
// is no scheduler, no timer and no join: a "yield" is a direct switch to the next, a "spawn+join" runs a new
// fiber to its end.
#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>

#include <vector>

#include "harness.hpp"

namespace {

namespace ctx = boost::context;
using bench::sample;

// The best of what was tried for the rows of time: with 64 KiB, a thousand stack tops share one set of the
// cache.
constexpr std::size_t stack_bytes = 16 * 1024;
constexpr std::size_t idle_stack_bytes = 64 * 1024;

// Two functions, so that the branch predictor sees two call sites, as in a real program.
template <int Which>
[[gnu::noinline]] ctx::fiber partner(ctx::fiber back, const bool& stop) {
  while (!stop) back = std::move(back).resume();
  return back;
}

template <int First, int Second>
sample round_trip(std::uint64_t operations) {
  bool stop = false;
  ctx::fiber a{[&stop](ctx::fiber&& back) { return partner<First>(std::move(back), stop); }};
  ctx::fiber b{[&stop](ctx::fiber&& back) { return partner<Second>(std::move(back), stop); }};
  const bench::stopwatch watch;
  for (std::uint64_t i = 0; i < operations; i += 2) {
    a = std::move(a).resume();
    b = std::move(b).resume();
  }
  const sample s = watch.stop((operations + 1) / 2 * 2);
  stop = true;
  std::move(a).resume();
  std::move(b).resume();
  return s;
}

// slots[i] is where fiber i goes on. Each resumes its successor, is resumed by its predecessor, and keeps
// where that one goes on. The one that counts down to zero goes back to main instead, and comes back from
// there.
struct ring {
  std::vector<ctx::fiber> slots;
  std::uint64_t left = 0;
  std::size_t stopped = 0;
  ctx::fiber main;

  void run(std::size_t first, std::uint64_t yields) {
    left = yields;
    ctx::fiber last = std::move(slots[first]).resume();
    slots[stopped] = std::move(last);
  }
};

template <int Which>
[[gnu::noinline]] ctx::fiber turn(ring& r, std::size_t self, ctx::fiber&& first) {
  const std::size_t count = r.slots.size(), next = (self + 1) % count, previous = (self + count - 1) % count;
  if (self == 0) r.main = std::move(first);
  else r.slots[previous] = std::move(first);
  for (;;) {
    if (--r.left == 0) {
      r.stopped = self;
      r.main = std::move(r.main).resume();
    } else {
      ctx::fiber from = std::move(r.slots[next]).resume();
      r.slots[previous] = std::move(from);
    }
  }
}

template <int First, int Second, std::size_t Count>
sample yield(std::uint64_t operations) {
  ring r;
  ctx::pooled_fixedsize_stack stacks{stack_bytes};
  for (std::size_t i = 0; i < Count; ++i)
    r.slots.push_back(ctx::fiber{std::allocator_arg, stacks, [&r, i](ctx::fiber&& from) {
                                   return i % 2 == 0 ? turn<First>(r, i, std::move(from))
                                                     : turn<Second>(r, i, std::move(from));
                                 }});
  r.run(0, 2 * Count + 1);  // the first round touches fresh stacks
  const bench::stopwatch watch;
  r.run(r.stopped, operations);
  return watch.stop(operations);
}

sample spawn_join_single(std::uint64_t operations) {
  ctx::pooled_fixedsize_stack stacks{stack_bytes};
  std::uint64_t ran = 0;
  const bench::stopwatch watch;
  for (std::uint64_t i = 0; i < operations; ++i) {
    ctx::fiber f{std::allocator_arg, stacks, [&ran](ctx::fiber&& back) {
                   ++ran;
                   return std::move(back);
                 }};
    std::move(f).resume();
  }
  return watch.stop(ran);
}

sample spawn_join_batch(std::uint64_t operations) {
  constexpr std::size_t batch = 1000;
  ctx::pooled_fixedsize_stack stacks{stack_bytes};
  std::vector<ctx::fiber> fibers(batch);
  std::uint64_t ran = 0;
  const bench::stopwatch watch;
  while (ran < operations) {
    for (ctx::fiber& f : fibers)
      f = ctx::fiber{std::allocator_arg, stacks, [&ran](ctx::fiber&& back) {
                       ++ran;
                       return std::move(back);
                     }};
    for (ctx::fiber& f : fibers) f = std::move(f).resume();
  }
  return watch.stop(ran);
}

// Guarded, as weft's are; so many, because each takes two mappings of the 65,530 that a process may have.
struct idle {
  double bytes, page_table_bytes;
};
idle measure_idle() {
  constexpr std::size_t count = 20'000;
  std::vector<ctx::fiber> fibers;
  fibers.reserve(count);
  ctx::protected_fixedsize_stack stacks{idle_stack_bytes};
  const bench::memory before = bench::memory_now();
  for (std::size_t i = 0; i < count; ++i) {
    fibers.push_back(
        ctx::fiber{std::allocator_arg, stacks, [](ctx::fiber&& back) { return std::move(back).resume(); }});
    fibers.back() = std::move(fibers.back()).resume();
  }
  const bench::memory after = bench::memory_now();
  return {(after.resident - before.resident) / count, (after.page_tables - before.page_tables) / count};
}
const idle& idle_fiber() {
  static const idle measured = measure_idle();
  return measured;
}

const int rows[] = {
    bench::memory_row("fiber/idle_bytes", [] { return idle_fiber().bytes; }),
    bench::memory_row("fiber/idle_page_table_bytes", [] { return idle_fiber().page_table_bytes; }),
    bench::time_row("switch/round_trip", round_trip<0, 1>),
    bench::time_row("switch/round_trip_one_function", round_trip<0, 0>),
    bench::time_row("yield/2", yield<0, 1, 2>),
    bench::time_row("yield/2_one_function", yield<0, 0, 2>),
    bench::time_row("yield/1000", yield<0, 1, 1000>),
    bench::time_row("yield/1000_one_function", yield<0, 0, 1000>),
    bench::time_row("yield/100000", yield<0, 1, 100'000>),
    bench::time_row("yield/100000_one_function", yield<0, 0, 100'000>),
    bench::time_row("spawn_join/single", spawn_join_single),
    bench::time_row("spawn_join/batch_1000", spawn_join_batch),
};

}  // namespace

int main(int argc, char** argv) { return bench::run_rows(argc, argv, "boost_context"); }

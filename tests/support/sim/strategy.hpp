// Which simulated thread goes on: four ways to choose, alternating with the seed.
//
// A random walk alone hardly ever leaves a thread alone for long, or holds one back for long, and many bugs
// need just that.
//
//   walk         any ready thread, at every step
//   sticky       stays with a thread for a while: the chance to leave is 1/2 to 1/32, fixed per seed
//   priorities   the highest of random priorities runs; now and then the one that runs falls to the bottom
//                (Burckhardt et al., A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs,
//                2010)
//   preemptions  as on one processor: a thread runs until it blocks, but for a few preemptions far apart
//
// A pause always lets others run, and so does a thread that has run alone for too long: it may be spinning.
#pragma once

#include <cstdint>
#include <vector>

#include <sim/random.hpp>

namespace weft::detail {

struct simulated_thread;

enum class strategy_kind : std::uint8_t { walk, sticky, priorities, preemptions };

class strategy {
 public:
  using threads = std::vector<simulated_thread*>;

  strategy(std::uint64_t seed, random_source& random) noexcept;

  strategy_kind kind() const noexcept { return kind_; }

  /// Gives a new thread its place among the others.
  void add(simulated_thread& t) noexcept;

  /// Who goes on at a step of `self`, which is ready itself. `pauses`: it wants others to run.
  simulated_thread& at_step(const threads& ready, simulated_thread& self, bool pauses) noexcept;

  /// Who goes on when the running thread has blocked or ended. `ready` is not empty.
  simulated_thread& at_block(const threads& ready) noexcept;

 private:
  static constexpr unsigned alone_max = 500;  // steps without a switch, while others are ready; a guess

  simulated_thread& any(const threads& ready) noexcept { return *ready[random_.below(ready.size())]; }
  simulated_thread& another(const threads& ready, const simulated_thread& self) noexcept;
  simulated_thread& highest(const threads& ready) noexcept;
  bool change_due() noexcept;
  void fall(simulated_thread& t) noexcept;

  random_source& random_;
  strategy_kind kind_;
  unsigned scale_;  // sticky: leaves once in this many steps; otherwise: the longest gap between changes
  std::uint64_t gap_ = 0;  // steps until the next change
  unsigned alone_ = 0;
  std::int64_t lowest_ = 0;
};

}  // namespace weft::detail

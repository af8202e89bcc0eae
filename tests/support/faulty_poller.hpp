// A poller that makes everything go wrong that may go wrong: wraps a real one, and by a seeded choice
// shortens transfers, fails operations with what the kernel may fail them with, holds completions back for
// some turns, and lets only a few operations through at a time. What it reports did happen: a shortened
// transfer is submitted short, a failed one is not submitted.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <random>

#include <weft/runtime/poller.hpp>

namespace weft::detail {

/// What several pollers did, in sum.
struct fault_counts {
  std::atomic<std::uint64_t> injected{0};      // faults
  std::atomic<std::uint64_t> kept_waiting{0};  // operations that found in_kernel_max others
};

/// Chances are of 1000.
struct faults {
  std::uint64_t seed = 1;
  unsigned short_count = 0;     // a transfer moves only a part of what it was asked to
  unsigned interrupted = 0;     // ends with -EINTR, nothing done
  unsigned out_of_buffers = 0;  // recv and send end with -ENOBUFS, the rest with -ENOMEM, nothing done
  unsigned late = 0;            // a completion is held back
  unsigned late_turns = 8;      // for at most so many turns
  std::size_t in_kernel_max = ~std::size_t{0};  // more wait outside, as if the ring were full
  fault_counts* counts = nullptr;               // if given: where they are counted too
};

class faulty_poller final : public poller {
 public:
  faulty_poller(std::unique_ptr<poller> inner, const faults& chances);
  ~faulty_poller() override;

  void submit(operation& op) noexcept override;
  void cancel(operation& op) noexcept override;
  bool ready() const noexcept override;
  void turn(deadline until) noexcept override;
  void notify() noexcept override { inner_->notify(); }
  std::size_t in_flight() const noexcept override { return in_flight_; }
  const char* name() const noexcept override { return inner_->name(); }

  /// Faults made so far.
  std::uint64_t injected() const noexcept { return injected_; }

 private:
  struct shadow;
  struct held {
    operation* op;
    int result;
    bool more;
    unsigned turns;  // to go
  };

  bool chance(unsigned of_1000) noexcept;
  void pass_on(operation& op) noexcept;
  void let_in() noexcept;
  void hear(shadow& heard, int result, bool more) noexcept;
  void shorten(shadow& of) noexcept;
  bool deliver() noexcept;

  std::unique_ptr<poller> inner_;
  faults chances_;
  std::mt19937_64 random_;
  std::uint64_t injected_ = 0;
  std::size_t in_flight_ = 0;
  std::deque<std::unique_ptr<shadow>> in_kernel_;
  std::deque<operation*> outside_;  // wait for room
  std::deque<held> held_;           // have ended, and are delivered when their turn comes
};

}  // namespace weft::detail

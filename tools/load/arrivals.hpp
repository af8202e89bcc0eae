// The requests of an open loop that the connections of one worker are to send: each takes the next one that
// is due, or waits for it.
//
// A connection that waits for its answer leaves what is due meanwhile to the others, and what all of them
// leave waits, while its clock runs. Who becomes due is told by a timer of the kernel's: weft's own wheel
// turns in steps of 65 us, which is more than many an answer takes.
#pragma once

#include <cstdint>

#include <weft/io/descriptor.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/semaphore.hpp>

#include "schedule.hpp"
#include "waits.hpp"

class arrivals {
 public:
  /// Errors     the kernel's, of a timer.
  static weft::result<int> open_timer() noexcept;

  /// Owns `timer`, of open_timer().
  arrivals(const schedule& when, int timer) noexcept : when_{when}, timer_{timer} {}

  /// When the next request was due, which is the caller's to send.
  ///
  /// Blocks     the calling fiber, until it is due.
  /// Errors     canceled.
  /// Safe from  the fibers of one worker.
  [[nodiscard]] weft::result<std::int64_t> next();

  /// Lets requests become due, until it is stopped. For one fiber of that worker.
  weft::result<void> run();

  /// Adds to `to` how long each that became due had waited `now`, if nobody has taken it.
  void add_untaken(std::int64_t now, std::uint64_t requests_each, waits& to) const;

 private:
  const schedule when_;
  std::uint64_t taken_ = 0;  // by next()
  std::uint64_t due_ = 0;    // released by run()
  weft::counting_semaphore<> waiting_{0};
  weft::detail::descriptor timer_;
};

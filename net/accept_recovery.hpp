// What to do when accepting fails: nothing that concerns a single connection stops a listener, and a shortage
// is waited out.
//
// When there is no descriptor left (EMFILE, ENFILE), a connection that cannot be accepted would hang in the
// backlog, its client waiting for its own timeout. So one descriptor is kept in reserve: given up for an
// instant, it serves to accept that connection and close it, and its client knows. The error sink hears of it
// once a minute.
#pragma once

#include <chrono>
#include <cstdint>

#include <weft/runtime/base/thread_mutex.hpp>

namespace weft::detail {

class accept_recovery {
 public:
  accept_recovery() noexcept;
  accept_recovery(const accept_recovery&) = delete;
  accept_recovery& operator=(const accept_recovery&) = delete;
  ~accept_recovery();

  /// How long to wait before the next attempt at `listener`, which does not block, after `errno_value`;
  /// `failures`, 1 or more, in a row. Zero for what concerns one connection; else, and if that does not end,
  /// 5 ms, twice as long each time, up to 1 s. Turns one client away if it was for want of a descriptor.
  ///
  /// Safe from  any fiber or thread.
  std::chrono::nanoseconds after(int errno_value, int listener, unsigned failures) noexcept;

 private:
  void turn_away_one(int listener) noexcept;
  bool report_is_due() noexcept;

  thread_mutex lock_;
  // Guarded by lock_.
  int reserve_;                    // -1 while there is no descriptor to be had
  std::int64_t silent_until_ = 0;  // when to report the next that is turned away
};

}  // namespace weft::detail

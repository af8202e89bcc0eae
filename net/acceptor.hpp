// Accepts at one listening socket on one worker, with one multishot accept: no system call per connection
// under io_uring, and no other worker's ring on the same socket (the kernel would give everything to one of
// them).
//
// Accepted descriptors wait in a vector until the acceptor's fiber has handed them on; if that takes long
// (the runtime has a limit on fibers), accepting pauses and connections wait in the backlog, where clients
// see it.
//
// While its worker is held up by a fiber that computes, what waits in the backlog is accepted by a fiber on
// another worker, with accept4(2).
//
// Whatever fails, it goes on, as accept_recovery says.
#pragma once

#include <vector>

#include <weft/net/accept_recovery.hpp>
#include <weft/runtime/operation.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/preempt/stand_in.hpp>
#include <weft/runtime/wait_group.hpp>

namespace weft::detail {

class acceptor {
 public:
  /// Takes a connection: a non-blocking descriptor that is its to close. Runs on the acceptor's fiber; may
  /// park.
  using sink = void (*)(void* context, int connection);

  /// Accepts at `listener`, which does not block and stays the caller's.
  acceptor(int listener, accept_recovery& recovery, sink accepted, void* context) noexcept;
  acceptor(const acceptor&) = delete;
  acceptor& operator=(const acceptor&) = delete;

  /// Accepts until the calling fiber is asked to stop; what has been accepted by then is still handed on.
  void run();

 private:
  static void step_in(stand_in& self, scheduler& of, unsigned other) noexcept;
  void accept_at_once();
  void accept_elsewhere();

  static void completed(operation& self, int result, bool more) noexcept;

  void arm() noexcept;
  wake_reason wait(deadline until, bool cancellable) noexcept;
  void hand_on();
  void stop();
  bool recover();

  struct armed_accept : operation {
    acceptor* owner;
  } operation_;
  struct substitute : stand_in {
    acceptor* owner;
  } substitute_;
  atomic<bool> substituted_{false};  // a fiber elsewhere is at it
  wait_group substitutes_;           // counts it
  accept_recovery& recovery_;
  const sink sink_;
  void* const context_;
  detail::wait* waiting_ = nullptr;  // the fiber's, while it waits for completions
  std::vector<int> accepted_;
  std::vector<int> handing_on_;  // swapped with accepted_; both have room from the start
  int failure_ = 0;              // why operation_ has ended
  unsigned failures_ = 0;        // in a row
  bool armed_ = false;
};

}  // namespace weft::detail

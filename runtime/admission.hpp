// Keeps the number of live fibers below options.fibers_max: who wants one more waits for room, first come
// first served.
//
// Two are let through all the same: a spawner that was asked to stop, and the oldest one when every live
// fiber waits for a join or for room, which otherwise would be for ever. Without a limit nothing here is
// touched.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/pools/pool_lock.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/intrusive_list.hpp>
#include <weft/runtime/wait.hpp>

namespace weft::detail {

class admission {
 public:
  /// `most`: live fibers at a time; 0: no limit.
  explicit admission(std::size_t most) noexcept : most_{most} {}

  bool limited() const noexcept { return most_ != 0; }

  /// Takes a place for a fiber that is about to be spawned, if there is one.
  bool try_enter() noexcept;

  /// Takes a place, and waits for it if need be. Blocks the calling fiber or foreign thread.
  /// `inside`: the caller is one of the live fibers.
  void enter(bool inside) noexcept;

  /// Gives a place back: a fiber has ended.
  void leave() noexcept;

  /// A live fiber begins and ends to wait in a join.
  void join_begins() noexcept;
  void join_ends() noexcept;

  std::size_t live() const noexcept;

 private:
  struct entry : wait, list_node {
    using wait::wait;
  };

  using count = atomic<std::size_t>;  // changed under lock_; atomic so that the simulator sees it

  parker* next_through() noexcept;

  const std::size_t most_;
  mutable pool_lock lock_;  // guards all below; never held across a wait
  count live_{0};
  count stuck_{0};                 // live fibers that wait for a join or for room
  intrusive_list<entry> waiting_;  // oldest first
};

}  // namespace weft::detail

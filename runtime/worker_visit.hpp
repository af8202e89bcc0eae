// A call that somebody else wants made on a worker, between batches, where no fiber of it runs.
//
// What a fiber waits for, and where its stack is suspended, only its home worker may look at. So who wants to
// know (an inspection) leaves a visitor there and rings. He may take the visitor back while the worker has
// not come to it, which it does not while a fiber hogs it: nobody has to wait for such a worker, and a
// visitor may lie in the frame of who sent it.
//
// One message per worker, which is in its inbox at most once; the visitors lie in a list of their own.
#pragma once

#include <mutex>
#include <utility>

#include <weft/runtime/base/intrusive_list.hpp>
#include <weft/runtime/base/thread_mutex.hpp>
#include <weft/runtime/inbox.hpp>

namespace weft::detail {

struct visitor : list_node {
  /// Runs on the worker's own stack, once. The visitor may come again, and may be gone afterwards.
  void (*visit)(visitor& self, worker& host) noexcept = nullptr;
};

class visiting_hours {
 public:
  explicit visiting_hours(inbox& of) noexcept : inbox_{of} {
    bell_.self = this;
    bell_.deliver = [](message& m, worker& host) noexcept { static_cast<bell&>(m).self->receive(host); };
  }
  visiting_hours(const visiting_hours&) = delete;
  visiting_hours& operator=(const visiting_hours&) = delete;

  /// Lets `v`, which is in no list, be called soon. Safe from any thread.
  void come(visitor& v) noexcept {
    {
      const std::lock_guard hold{lock_};
      waiting_.push_back(v);
      if (std::exchange(rung_, true)) return;
    }
    inbox_.push(bell_);
  }

  /// Takes `v` back. False: it has been called, or is just being. Safe from any thread.
  bool withdraw(visitor& v) noexcept {
    const std::lock_guard hold{lock_};
    if (!v.linked()) return false;
    v.unlink();
    return true;
  }

 private:
  struct bell : message {
    visiting_hours* self = nullptr;
  };

  // One at a time, so that fibers run in between.
  void receive(worker& host) noexcept {
    visitor* v = nullptr;
    bool more = false;
    {
      const std::lock_guard hold{lock_};
      v = waiting_.pop_front();
      more = rung_ = !waiting_.empty();
    }
    if (more) inbox_.push(bell_);
    if (v != nullptr) v->visit(*v, host);
  }

  inbox& inbox_;
  thread_mutex lock_;  // guards the two below
  bool rung_ = false;  // bell_ is on its way
  intrusive_list<visitor> waiting_;
  bell bell_;
};

}  // namespace weft::detail

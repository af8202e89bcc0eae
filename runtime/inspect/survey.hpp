// One look at all fibers: who asks which worker for what. list_fibers() is its only user.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/inspect/fibers.hpp>
#include <weft/runtime/inspect/live_runtimes.hpp>
#include <weft/runtime/parker.hpp>
#include <weft/runtime/worker_visit.hpp>

namespace weft::detail {

/// Lies where it was made until await() has returned, which must be called.
class survey {
 public:
  /// Finds the fibers, and sends for what only their workers know. On a thread's own stack.
  explicit survey(const inspect_options& o);
  survey(const survey&) = delete;
  survey& operator=(const survey&) = delete;
  ~survey();

  /// Waits until all workers have answered or were given up. The fiber or thread that asks.
  void await();

  /// What was found. Once, after await(). On a thread's own stack.
  fiber_list take(fiber_id asker);

 private:
  struct finding {
    fiber_info info;
    const parker* self = nullptr;
    const parker* joiner = nullptr;  // who waits for its end
    const parker* holder = nullptr;  // who has what it waits for; only compared, since it may be gone by now
  };

  /// What one worker has to look at.
  struct station : visitor {
    survey* of = nullptr;
    worker* at = nullptr;
    std::uint32_t runtime = 0;
    std::vector<const fiber*> fibers;
    std::vector<finding> found;
    exposed<std::size_t> looked_at;  // of `fibers`; written by the worker
    std::size_t seen = 0;            // what await() saw of that
    bool given_up = false;
    bool short_of_memory = false;
  };

  void collect();
  static void visit(visitor& v, worker& host) noexcept;
  bool look_from_inside(const fiber& f, const station& at, finding& out) const;
  static bool look_from_outside(const fiber& f, finding& out);
  void give_up_idle();
  void one_is_done() noexcept;

  const inspect_options options_;
  const runtimes_in_view view_;
  std::vector<std::unique_ptr<station>> stations_;
  std::vector<finding> unstarted_;
  atomic<std::size_t> open_{1};  // stations that have not answered, and the one who sends
  event all_done_;
};

}  // namespace weft::detail

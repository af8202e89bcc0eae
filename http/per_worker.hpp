// One T for each worker of a runtime, made when something on that worker first asks for it. So handlers,
// which all workers call at once, can have caches without locks.
//
// A fiber stays on its worker, and so keeps the same T across suspensions; another fiber may have changed it
// meanwhile.
#pragma once

#include <cstddef>
#include <memory>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::http::detail {

template <class T>
class per_worker {
 public:
  per_worker() = default;
  per_worker(const per_worker&) = delete;
  per_worker& operator=(const per_worker&) = delete;
  ~per_worker() { delete parts_.load(std::memory_order_acquire); }

  /// That of the calling fiber's worker; made by `make`, which gives a unique_ptr to it. From no fiber, or
  /// from those of two runtimes at once, is an assertion.
  template <class Make>
  T& here(Make make) {
    auto* const worker = weft::detail::worker::current();
    WEFT_ASSERT(worker != nullptr, "this runs in fibers only");
    weft::detail::atomic<T*>& part = parts_of(worker->owner()).all[worker->index()];
    T* found = part.load(std::memory_order_relaxed);  // only this worker writes it
    if (found == nullptr) [[unlikely]]
      part.store(found = make().release(), std::memory_order_release);
    return *found;
  }

  /// Calls f with each of them. Safe from  any thread, if what f does with it is.
  template <class F>
  void for_each(F f) const {
    const parts* const made = parts_.load(std::memory_order_acquire);
    if (made == nullptr) return;
    for (std::size_t i = 0; i < made->count; ++i)
      if (const T* const part = made->all[i].load(std::memory_order_acquire)) f(*part);
  }

 private:
  struct parts {
    explicit parts(const weft::detail::scheduler& s)
        : of{&s}, count{s.workers().size()}, all{std::make_unique<weft::detail::atomic<T*>[]>(count)} {}
    ~parts() {
      for (std::size_t i = 0; i < count; ++i) delete all[i].load(std::memory_order_acquire);
    }

    const weft::detail::scheduler* const of;
    const std::size_t count;
    const std::unique_ptr<weft::detail::atomic<T*>[]> all;
  };

  parts& parts_of(const weft::detail::scheduler& s) {
    parts* made = parts_.load(std::memory_order_acquire);
    if (made == nullptr) [[unlikely]] {
      auto mine = std::make_unique<parts>(s);
      if (parts_.compare_exchange_strong(made, mine.get(), std::memory_order_acq_rel,
                                         std::memory_order_acquire))
        made = mine.release();
    }
    WEFT_ASSERT(made->of == &s, "a handler with a part per worker belongs to one runtime");
    return *made;
  }

  weft::detail::atomic<parts*> parts_{nullptr};
};

}  // namespace weft::http::detail

// The buffers that the connections of one worker receive into: chosen when data has come, so that waiting
// costs none.
//
// One size, because who waits does not know what will come: 4 KiB holds nearly every request's head, and
// forty small ones behind each other; what is longer goes on in the memory of who receives it. 256 of them,
// because one turn of the poller delivers no more (epoll asks for as many events; a turn of the ring for
// fewer, since Linux 6.13), and their list for the kernel fills one page: 1 MiB per worker, of which only
// what was ever used costs memory. Neighbours are a cache line more than a page apart, or all their first
// lines would share a few sets of the caches.
//
// A buffer is free (here, or in the kernel's ring: buffer_ring), or out: with a leased_bytes. It is taken on
// the owner's thread only. Whoever has it on another thread pushes it onto one lock-free stack, from which
// the owner takes all when it needs them: no message, so that to give a buffer back wakes nobody, and needs
// no worker that still runs. For a lease may outlive the worker: what is out when the owner retires keeps the
// memory, and the last one to come back frees it.
//
// Free buffers are poisoned, and of one that is out what was not received.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <weft/pools/pool_registry.hpp>
#include <weft/pools/pool_stats.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/thread_state.hpp>

namespace weft::detail {

class provided_buffers : public listed_pool {
 public:
  static constexpr std::size_t buffer_bytes = 4 * kib;
  static constexpr std::size_t stride = buffer_bytes + cache_line;

  /// Takes the free buffers over: the kernel chooses among them. provide() is called with each that is free
  /// now, and with each that comes back.
  struct chooser {
    void* ring = nullptr;
    void (*provide)(void* ring, std::byte* buffer, unsigned index) noexcept = nullptr;
  };

  /// `count` buffers of the calling thread; null: no memory.
  static provided_buffers* make(unsigned count);

  /// Over `memory`, which has room for `count` strides.
  provided_buffers(std::byte* memory, unsigned count);
  provided_buffers(const provided_buffers&) = delete;

  /// The owner's last act with it: from here on it belongs to what is out, and goes with the last of them.
  void retire() noexcept;

  // --- the owner

  void attach(chooser to) noexcept;
  /// The kernel knows of none any more. While none is out.
  void detach() noexcept;

  /// A free buffer; null: there is none. Not while a chooser has them.
  std::byte* take() noexcept;

  /// The kernel has chosen this one.
  std::byte* chosen(unsigned index) noexcept;

  /// Only so many bytes of a buffer that is out are of interest.
  void cut(std::byte* buffer, std::size_t used) noexcept;

  void give(std::byte* buffer) noexcept;

  /// Takes in what came back on other threads.
  void collect() noexcept {
    if (returned_.load(std::memory_order_relaxed) != nullptr) [[unlikely]]
      collect_slow();
  }

  /// There was data, and no buffer for it.
  void count_refusal() noexcept { bump(refused_); }

  unsigned count() const noexcept { return count_; }
  /// As far as the owner knows: what is on its way back is not free, what the kernel has just chosen is.
  unsigned free_count() const noexcept { return count_ - out_.load(std::memory_order_relaxed); }

  // --- whoever has a buffer, on any thread

  void give_back(std::byte* buffer) noexcept {
    const worker* const here = this_thread.current;
    if (here != nullptr && home_.load(std::memory_order_relaxed) == here) [[likely]]
      give(buffer);
    else give_from_elsewhere(buffer);
  }

  void give_from_elsewhere(std::byte* buffer) noexcept;

  // --- anyone

  /// As pool_stats: hits are buffers that were taken, misses is always 0, refused is data that found none.
  pool_stats stats() noexcept override;
  /// Does nothing: the kernel may be about to write into what is free.
  bool trim(deadline) noexcept override { return false; }

 protected:
  virtual ~provided_buffers() = default;

 private:
  struct slot {
    slot* next = nullptr;  // in free_ or in returned_
    bool out = false;
  };

  /// Frees the memory, and this.
  virtual void destroy() noexcept;

  unsigned index_of(const std::byte* buffer) const noexcept {
    return static_cast<unsigned>(static_cast<std::size_t>(buffer - memory_) / stride);
  }
  slot& slot_of(const std::byte* buffer) noexcept { return slots_[index_of(buffer)]; }
  std::byte* at(unsigned index) const noexcept { return memory_ + index * stride; }

  void lend(slot& s) noexcept;
  void put_back(slot& s) noexcept;
  slot& end_lease(std::byte* buffer) noexcept;
  void put_free(slot& s) noexcept;
  WEFT_NOINLINE void collect_slow() noexcept;
  static slot* retired() noexcept;
  template <class T>
  static void bump(atomic<T>& counter, T by = 1) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  std::byte* const memory_;
  const unsigned count_;
  std::unique_ptr<slot[]> slots_;
  slot* free_ = nullptr;  // the last one given first; empty while there is a chooser
  chooser chooser_;
  atomic<const worker*> home_;  // of whom its thread is; null: none, or retired
  atomic<slot*> returned_{nullptr};
  atomic<std::uint32_t> orphans_{0};  // once retired: those that are out, and one for retire() itself

  // Written by the owner; anyone may look.
  atomic<std::uint32_t> out_{0};
  atomic<std::uint32_t> high_water_{0};
  atomic<std::uint64_t> taken_{0};
  atomic<std::uint64_t> refused_{0};
};

}  // namespace weft::detail

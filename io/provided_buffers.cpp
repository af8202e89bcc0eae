#include <weft/io/provided_buffers.hpp>

#include <sys/mman.h>

#include <weft/pools/sanitizer.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::detail {

provided_buffers* provided_buffers::make(unsigned count) {
  const std::size_t bytes = count * stride;
  void* const memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  return new provided_buffers{static_cast<std::byte*>(memory), count};
}

provided_buffers::provided_buffers(std::byte* memory, unsigned count)
    : listed_pool{"receive buffers"},
      memory_{memory},
      count_{count},
      slots_{std::make_unique<slot[]>(count)},
      home_{this_thread.current} {
  for (unsigned i = count; i-- > 0;) put_free(slots_[i]);
  poison(memory_, count_ * stride);
  enlist();
}

void provided_buffers::destroy() noexcept {
  unpoison(memory_, count_ * stride);
  ::munmap(memory_, count_ * stride);
  delete this;
}

// What stands in returned_ for ever once there is no owner to take it.
provided_buffers::slot* provided_buffers::retired() noexcept {
  static constinit slot mark;
  return &mark;
}

// --- the owner

void provided_buffers::lend(slot& s) noexcept {
  WEFT_ASSERT(!s.out, "a buffer that is out was chosen again");
  s.out = true;
  bump(taken_);
  bump(out_);
  const std::uint32_t out = out_.load(std::memory_order_relaxed);
  if (out > high_water_.load(std::memory_order_relaxed)) high_water_.store(out, std::memory_order_relaxed);
}

std::byte* provided_buffers::take() noexcept {
  if (free_ == nullptr) collect();
  slot* const s = free_;
  if (s == nullptr) return nullptr;
  free_ = s->next;
  lend(*s);
  std::byte* const buffer = at(static_cast<unsigned>(s - slots_.get()));
  unpoison(buffer, buffer_bytes);
  return buffer;
}

std::byte* provided_buffers::chosen(unsigned index) noexcept {
  WEFT_ASSERT(index < count_);
  lend(slots_[index]);
  unpoison(at(index), buffer_bytes);
  return at(index);
}

void provided_buffers::cut(std::byte* buffer, std::size_t used) noexcept {
  poison(buffer + used, buffer_bytes - used);
}

void provided_buffers::put_free(slot& s) noexcept {
  if (chooser_.provide != nullptr) {
    const auto index = static_cast<unsigned>(&s - slots_.get());
    return chooser_.provide(chooser_.ring, at(index), index);
  }
  s.next = free_;
  free_ = &s;
}

void provided_buffers::put_back(slot& s) noexcept {
  out_.store(out_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  put_free(s);
}

// By who has the buffer, whoever that is.
provided_buffers::slot& provided_buffers::end_lease(std::byte* buffer) noexcept {
  slot& s = slot_of(buffer);
  WEFT_ASSERT(s.out, "a buffer was given back twice");
  s.out = false;
  poison(buffer, buffer_bytes);
  return s;
}

void provided_buffers::give(std::byte* buffer) noexcept { put_back(end_lease(buffer)); }

void provided_buffers::collect_slow() noexcept {
  slot* s = returned_.exchange(nullptr, std::memory_order_acquire);
  while (s != nullptr) {
    slot* const next = s->next;
    put_back(*s);
    s = next;
  }
}

void provided_buffers::attach(chooser to) noexcept {
  slot* s = free_;
  free_ = nullptr;
  chooser_ = to;
  while (s != nullptr) {
    slot* const next = s->next;
    put_free(*s);
    s = next;
  }
}

void provided_buffers::detach() noexcept {
  WEFT_ASSERT(out_.load(std::memory_order_relaxed) == 0u,
              "the kernel's buffers are taken back while some are out");
  chooser_ = {};
  for (unsigned i = count_; i-- > 0;) put_free(slots_[i]);
}

// --- giving back on another thread, and the end

void provided_buffers::give_from_elsewhere(std::byte* buffer) noexcept {
  slot& s = end_lease(buffer);
  slot* head = returned_.load(std::memory_order_acquire);
  do {
    if (head == retired()) {
      if (orphans_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy();
      return;
    }
    s.next = head;
  } while (!returned_.compare_exchange_weak(head, &s, std::memory_order_release, std::memory_order_acquire));
}

void provided_buffers::retire() noexcept {
  delist();
  home_.store(nullptr, std::memory_order_relaxed);
  orphans_.store(out_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  std::uint32_t back = 1;
  for (slot* s = returned_.exchange(retired(), std::memory_order_acq_rel); s != nullptr; s = s->next) ++back;
  if (orphans_.fetch_sub(back, std::memory_order_acq_rel) == back) destroy();
}

pool_stats provided_buffers::stats() noexcept {
  pool_stats s;
  s.in_use = out_.load(std::memory_order_relaxed);
  s.idle = count_ - s.in_use;
  s.capacity = s.limit = count_;
  s.high_water = high_water_.load(std::memory_order_relaxed);
  s.hits = taken_.load(std::memory_order_relaxed);
  s.refused = refused_.load(std::memory_order_relaxed);
  return s;
}

}  // namespace weft::detail

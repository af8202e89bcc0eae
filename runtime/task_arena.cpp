#include <weft/runtime/task_arena.hpp>

#include <algorithm>
#include <cstdint>
#include <new>

#include <weft/runtime/bounded_blocks.hpp>
#include <weft/runtime/fiber_local.hpp>

namespace weft {
namespace {

constexpr std::size_t first_bytes = 4 * detail::kib;
constexpr std::size_t next_bytes = 64 * detail::kib;

// Never destroyed: an arena may be of static storage.
detail::bounded_blocks& blocks_of(std::size_t bytes) noexcept {
  const auto make = [](std::size_t size, const char* name) {
    return new detail::bounded_blocks{size,
                                      {.name = name, .limit = SIZE_MAX, .exhausted = exhaustion::refuse}};
  };
  static detail::bounded_blocks& first = *make(first_bytes, "task_arena, first blocks");
  static detail::bounded_blocks& next = *make(next_bytes, "task_arena, further blocks");
  return bytes == first_bytes ? first : next;
}

}  // namespace

task_arena& task_arena::here() {
  static fiber_local<task_arena>& of_fibers = *new fiber_local<task_arena>;
  return of_fibers.get();
}

void* task_arena::allocate_slow(std::size_t bytes, std::size_t alignment) {
  const std::size_t needed = sizeof(chunk) + bytes + std::max(alignment, alignof(chunk)) - alignof(chunk);
  if (bytes > next_bytes || needed > next_bytes / 2) return allocate_alone(bytes, alignment);
  const std::size_t size = chunks_ == nullptr && needed <= first_bytes ? first_bytes : next_bytes;
  void* const block = blocks_of(size).try_take();
  if (block == nullptr) throw std::bad_alloc{};
  chunks_ = new (block) chunk{.older = chunks_, .bytes = size, .alignment = 0};
  held_ += size;
  free_ = static_cast<std::byte*>(block) + sizeof(chunk);
  left_ = size - sizeof(chunk);
  detail::poison(free_, left_);
  return bump(bytes, alignment);
}

/// The head stands before it; what is free in the newest block stays so.
void* task_arena::allocate_alone(std::size_t bytes, std::size_t alignment) {
  const std::size_t aligned = std::max(alignment, alignof(chunk));
  const std::size_t head = (sizeof(chunk) + aligned - 1) / aligned * aligned;
  if (bytes > SIZE_MAX - head) throw std::bad_alloc{};
  void* const memory = ::operator new(head + bytes, std::align_val_t{aligned});
  chunks_ = new (memory) chunk{.older = chunks_, .bytes = head + bytes, .alignment = aligned};
  held_ += head + bytes;
  return static_cast<std::byte*>(memory) + head;
}

void task_arena::reset() noexcept {
  while (newest_ != nullptr) {
    end& last = *newest_;
    newest_ = last.older;  // first: a destructor may make something
    last.destroy(last);
  }
  free_ = nullptr;
  left_ = held_ = 0;
  while (chunks_ != nullptr) {
    chunk* const last = chunks_;
    chunks_ = last->older;
    if (last->alignment != 0) {
      ::operator delete(last, std::align_val_t{last->alignment});
      continue;
    }
    const std::size_t size = last->bytes;
    detail::unpoison(reinterpret_cast<const std::byte*>(last), size);
    blocks_of(size).give(last);
  }
}

}  // namespace weft

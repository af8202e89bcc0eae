#include <weft/runtime/buffer_pool.hpp>

#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <vector>

#include <sys/mman.h>

#include <weft/pools/byte_block.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/system_failure.hpp>

namespace weft {
namespace {

/// All of `blocks`, or none.
result<void> lock_pages(std::span<void* const> blocks, std::size_t bytes_each) noexcept {
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (::mlock(blocks[i], bytes_each) == 0) continue;
    const auto failure = detail::system_failure();
    // The one that failed too: it may be locked, and not all there.
    for (std::size_t j = 0; j <= i; ++j) ::munlock(blocks[j], bytes_each);
    return failure;
  }
  return {};
}

}  // namespace

/// What a buffer points at, while it is out.
struct buffer_pool::handle : detail::byte_block {
  handle(std::byte* data, detail::bounded_blocks& memory, detail::bounded_blocks& handles) noexcept
      : byte_block{data, memory.block_bytes(), release}, memory_{memory}, handles_{handles} {}

  /// Whoever gets the memory may destroy the pool: it goes last.
  static void release(byte_block& block) noexcept {
    auto& self = static_cast<handle&>(block);
    std::byte* const data = self.data();
    detail::bounded_blocks& memory = self.memory_;
    detail::bounded_blocks& handles = self.handles_;
    std::destroy_at(&self);
    handles.give(&self);
    memory.give(data);
  }

  detail::bounded_blocks& memory_;
  detail::bounded_blocks& handles_;
};

result<buffer> buffer_pool::make(detail::bounded_blocks& memory, void* block, std::size_t bytes) noexcept {
  static_assert(sizeof(handle) <= handle_bytes);
  void* const at = handles_.try_take();
  if (at == nullptr) [[unlikely]] {
    memory.give(block);
    return std::unexpected(make_error_code(std::errc::not_enough_memory));
  }
  return buffer::adopt(*new (at) handle{static_cast<std::byte*>(block), memory, handles_}, bytes);
}

detail::bounded_blocks& buffer_pool::of(std::size_t bytes) noexcept {
  const std::size_t size = size_for(bytes);
  WEFT_ASSERT(size < sizes, "a buffer_pool has no buffers of that size");
  return memory_[size];
}

// The depot gives out the first free block first, so that no more than `limit` different ones are ever out:
// those which it gives out now, while nobody has any. keep(), because the kernel does not take locked pages
// back, and trimming must not count on it.
result<void> buffer_pool::pin(std::size_t bytes, deadline until) {
  const std::size_t size = size_for(bytes);
  if (size == sizes) return std::unexpected(errc::limit);
  WEFT_TRY(pinning_.lock(until));
  const std::lock_guard alone{pinning_, std::adopt_lock};
  if (pinned_[size]) return {};

  detail::bounded_blocks& memory = memory_[size];
  WEFT_ASSERT(memory.limit() != SIZE_MAX, "buffers without a limit cannot all be pinned");
  std::vector<void*> all(memory.limit());
  memory.keep(all.size());
  result<void> pinned = memory.take_many(all.data(), all.size(), until);
  if (pinned) {
    pinned = lock_pages(all, memory.block_bytes());
    for (void* const block : all) memory.give(block);
  }
  if (!pinned) memory.keep(0);
  pinned_[size] = pinned.has_value();
  return pinned;
}

bool buffer_pool::trim(deadline until) noexcept {
  for (detail::bounded_blocks& memory : memory_)
    if (memory.trim(until)) return true;
  return handles_.trim(until);
}

}  // namespace weft

#include <weft/runtime/preempt/side_buffers.hpp>

#include <new>
#include <utility>

#include <weft/runtime/preempt/side_buffer.hpp>

namespace weft::detail {
namespace {

constexpr std::align_val_t alignment{alignof(side_buffer)};

}  // namespace

side_buffers::~side_buffers() {
  regions_ = 0;
  while (side_buffer* const b = take()) ::operator delete(b, alignment);
}

void side_buffers::reserve() noexcept {
  const std::size_t size = side_buffer::wanted();
  if (size == 0) return;
  while (made_ < regions_) {
    void* const memory = ::operator new(sizeof(side_buffer) + size, alignment, std::nothrow);
    if (memory == nullptr) return;
    give(*::new (memory) side_buffer{.size = size});
    ++made_;
  }
}

void side_buffers::shrink() noexcept {
  while (made_ > kept && made_ > regions_) {
    side_buffer* const b = take();
    if (b == nullptr) return;
    ::operator delete(b, alignment);
    --made_;
  }
}

side_buffer* side_buffers::take() noexcept {
  return free_ == nullptr ? nullptr : std::exchange(free_, free_->next);
}

void side_buffers::give(side_buffer& b) noexcept { b.next = std::exchange(free_, &b); }

}  // namespace weft::detail

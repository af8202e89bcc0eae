// Text that grows at its end: output that waits to be sent, header fields, bodies. Cleared, it keeps its
// memory; released, it gives it back to where it came from, which for a server is a pool.
//
// Not std::string: extend() gives room that is not zeroed first, and appending is a compare and a copy with a
// cold way to grow, so that it needs little of a fiber's stack. It grows by four, as the sizes of the pools
// do, and to all of the block that it then gets.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory_resource>
#include <string_view>
#include <utility>

#include <weft/http/message/buffer_sizes.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft::http::detail {

class byte_buffer {
 public:
  static constexpr std::size_t first_bytes = 1 << 10;

  /// Takes `first` bytes of `memory` when there is something to hold, and more as it grows.
  explicit byte_buffer(std::pmr::memory_resource& memory = *std::pmr::new_delete_resource(),
                       std::size_t first = first_bytes) noexcept
      : from_{memory}, first_{first} {}
  byte_buffer(const byte_buffer&) = delete;
  byte_buffer& operator=(const byte_buffer&) = delete;
  ~byte_buffer() { release(); }

  /// Room for `length` more bytes, which count as written.
  char* extend(std::size_t length) {
    if (capacity_ - size_ < length) [[unlikely]]
      grow(length);
    return memory_ + std::exchange(size_, size_ + length);
  }

  void append(std::string_view text) {
    char* const at = extend(text.size());
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
  }

  template <class... Text>
  void append_all(const Text&... text) {
    (append(text), ...);
  }

  std::string_view text() const noexcept { return {memory_, size_}; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  void clear() noexcept { size_ = 0; }
  /// Drops what was written last, down to `size` bytes.
  void shrink(std::size_t size) noexcept { size_ = size; }
  /// Drops so many bytes at the front. Cost: the others move.
  void remove_prefix(std::size_t length) noexcept {
    size_ -= length;
    std::memmove(memory_, memory_ + length, size_);
  }
  /// Clears, and gives the memory back if it is more than so many bytes.
  void release_beyond(std::size_t bytes) noexcept {
    if (capacity_ > bytes) release();
    size_ = 0;
  }
  /// Clears, and gives the memory back.
  void release() noexcept {
    if (capacity_ != 0) from_.deallocate(memory_, capacity_);
    memory_ = nullptr;
    size_ = capacity_ = 0;
  }

 private:
  WEFT_NOINLINE void grow(std::size_t more) {
    std::size_t wanted = std::max(capacity_ == 0 ? first_ : capacity_ * 4, size_ + more);
    if (wanted > first_) wanted = buffer_size(wanted);
    auto* const moved = static_cast<char*>(from_.allocate(wanted));
    const std::size_t size = size_;
    if (size != 0) std::memcpy(moved, memory_, size);
    release();
    memory_ = moved;
    capacity_ = wanted;
    size_ = size;
  }

  std::pmr::memory_resource& from_;
  const std::size_t first_;
  char* memory_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace weft::http::detail

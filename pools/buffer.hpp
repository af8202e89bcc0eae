// Bytes that one owner may write: to read into, to build a message in.
//
// What is finished becomes `bytes`, shared and constant, without a copy. Memory is not zeroed, so a buffer
// that is larger than what is read into it costs no time.
#pragma once

#include <cstddef>
#include <utility>

#include <weft/pools/byte_block.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/byte_kernels.hpp>
#include <weft/runtime/base/byte_view.hpp>

namespace weft {

/// An owned run of bytes, of a capacity that never changes. Moves only. Converts to std::span<std::byte> and
/// to byte_view.
///
/// Safe from  one thread at a time.
class buffer {
 public:
  using value_type = std::byte;

  buffer() noexcept = default;

  /// `size` bytes with whatever was in the memory. Throws std::bad_alloc.
  explicit buffer(std::size_t size) : size_{size} {
    if (size != 0) block_ = &detail::byte_block::make(size);
  }

  static buffer copy_of(byte_view from) {
    buffer made{from.size()};
    if (!from.empty()) simd::copy({made.data(), made.size()}, from);
    return made;
  }

  /// For pools: takes over the block's one handle; `size` is at most its capacity.
  static buffer adopt(detail::byte_block& block, std::size_t size) noexcept {
    WEFT_ASSERT(size <= block.capacity());
    buffer made;
    made.block_ = &block;
    made.size_ = size;
    return made;
  }

  buffer(buffer&& other) noexcept
      : block_{std::exchange(other.block_, nullptr)}, size_{std::exchange(other.size_, 0)} {}
  buffer& operator=(buffer&& other) noexcept {
    buffer old{std::move(*this)};
    block_ = std::exchange(other.block_, nullptr);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }
  ~buffer() {
    if (block_ != nullptr) block_->drop_handle();
  }

  std::byte* data() noexcept { return block_ != nullptr ? block_->data() : nullptr; }
  const std::byte* data() const noexcept { return block_ != nullptr ? block_->data() : nullptr; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::size_t capacity() const noexcept { return block_ != nullptr ? block_->capacity() : 0; }

  std::byte* begin() noexcept { return data(); }
  std::byte* end() noexcept { return data() + size_; }
  const std::byte* begin() const noexcept { return data(); }
  const std::byte* end() const noexcept { return data() + size_; }

  std::byte& operator[](std::size_t i) noexcept {
    WEFT_ASSERT(i < size_, "beyond the end of a buffer");
    return data()[i];
  }
  const std::byte& operator[](std::size_t i) const noexcept {
    WEFT_ASSERT(i < size_, "beyond the end of a buffer");
    return data()[i];
  }

  /// Makes it end after `size` bytes, at most capacity(). What was cut off is there again when it grows back.
  void resize(std::size_t size) noexcept {
    WEFT_ASSERT(size <= capacity(), "a buffer does not grow beyond its capacity");
    size_ = size;
  }

 private:
  friend class bytes;

  detail::byte_block* block_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace weft

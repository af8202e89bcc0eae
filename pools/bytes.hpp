// A slice of constant bytes that any number of handles share: messages that go to several receivers, bodies
// that are sent more than once, parts of what was received.
//
// A handle is three words: where the slice begins, how long it is, and the block that keeps it alive. Copying
// and slicing copy those and count one handle more; nothing is allocated and no byte is copied. A slice keeps
// the whole block: copy_of() a small part of a large block that is to live long.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include <weft/pools/buffer.hpp>
#include <weft/pools/byte_block.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/byte_kernels.hpp>
#include <weft/runtime/base/byte_view.hpp>

namespace weft {

/// A shared run of constant bytes. Converts to byte_view and to std::span<const std::byte>.
///
/// Safe from  any thread, each with its own handle; handles may share bytes.
class bytes {
 public:
  using value_type = std::byte;

  bytes() noexcept = default;

  /// Takes the buffer over without a copy.
  bytes(buffer&& from) noexcept
      : data_{from.data()}, size_{from.size()}, block_{std::exchange(from.block_, nullptr)} {
    from.size_ = 0;
  }

  static bytes copy_of(byte_view from) { return buffer::copy_of(from); }

  /// What lives as long as the program: a literal, a table. Nothing is counted.
  static bytes of_static(byte_view from) noexcept { return {from.data(), from.size(), nullptr}; }

  bytes(const bytes& other) noexcept : data_{other.data_}, size_{other.size_}, block_{other.block_} {
    if (block_ != nullptr) block_->add_handle();
  }
  bytes(bytes&& other) noexcept
      : data_{std::exchange(other.data_, nullptr)},
        size_{std::exchange(other.size_, 0)},
        block_{std::exchange(other.block_, nullptr)} {}
  bytes& operator=(bytes other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(block_, other.block_);
    return *this;
  }
  ~bytes() {
    if (block_ != nullptr) block_->drop_handle();
  }

  const std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  const std::byte* begin() const noexcept { return data_; }
  const std::byte* end() const noexcept { return data_ + size_; }
  std::string_view text() const noexcept { return {reinterpret_cast<const char*>(data_), size_}; }

  const std::byte& operator[](std::size_t i) const noexcept {
    WEFT_ASSERT(i < size_, "beyond the end of bytes");
    return data_[i];
  }

  /// `length` bytes from `offset` on, of the same memory.
  bytes slice(std::size_t offset, std::size_t length) const noexcept {
    WEFT_ASSERT(offset <= size_, "a slice begins behind the end");
    WEFT_ASSERT(length <= size_ - offset, "a slice ends behind the end");
    if (block_ != nullptr) block_->add_handle();
    return {data_ + offset, length, block_};
  }
  /// All from `offset` on.
  bytes slice(std::size_t offset) const noexcept {
    WEFT_ASSERT(offset <= size_, "a slice begins behind the end");
    return slice(offset, size_ - offset);
  }

  /// The first `length` bytes, which are cut off here.
  bytes split_front(std::size_t length) noexcept {
    bytes front = slice(0, length);
    remove_prefix(length);
    return front;
  }

  void remove_prefix(std::size_t length) noexcept {
    WEFT_ASSERT(length <= size_, "more is removed than there is");
    data_ += length;
    size_ -= length;
  }

  /// Whether no other handle shares the memory.
  bool unique() const noexcept { return block_ != nullptr && block_->alone(); }

  /// The same bytes, wherever they lie.
  friend bool operator==(const bytes& a, byte_view b) noexcept { return simd::equal(a, b); }
  friend bool operator==(const bytes& a, const bytes& b) noexcept {
    return a.size_ == b.size_ && (a.data_ == b.data_ || simd::equal(a, b));
  }

 private:
  bytes(const std::byte* data, std::size_t size, detail::byte_block* block) noexcept
      : data_{data}, size_{size}, block_{block} {}

  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  detail::byte_block* block_ = nullptr;  // null: static memory, or empty
};

}  // namespace weft

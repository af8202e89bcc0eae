// Text that grows at its end: output that waits to be sent, header fields, bodies. Cleared, it keeps its
// memory.
//
// Not std::string: extend() gives room that is not zeroed first, and appending is a compare and a copy with a
// cold way to grow, so that it needs little of a fiber's stack.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include <weft/runtime/base/platform.hpp>

namespace weft::http::detail {

class byte_buffer {
 public:
  byte_buffer() noexcept = default;
  byte_buffer(const byte_buffer&) = delete;
  byte_buffer& operator=(const byte_buffer&) = delete;

  /// Room for `length` more bytes, which count as written.
  char* extend(std::size_t length) {
    if (capacity_ - size_ < length) [[unlikely]]
      grow(length);
    return memory_.get() + std::exchange(size_, size_ + length);
  }

  void append(std::string_view text) {
    char* const at = extend(text.size());
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
  }

  template <class... Text>
  void append_all(const Text&... text) {
    (append(text), ...);
  }

  std::string_view text() const noexcept { return {memory_.get(), size_}; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  void clear() noexcept { size_ = 0; }
  /// Drops what was written last, down to `size` bytes.
  void shrink(std::size_t size) noexcept { size_ = size; }
  /// Clears, and gives memory beyond `keep` bytes back.
  void trim(std::size_t keep) noexcept {
    size_ = 0;
    if (capacity_ > keep) {
      memory_.reset();
      capacity_ = 0;
    }
  }

 private:
  WEFT_NOINLINE void grow(std::size_t more) {
    std::size_t wanted = capacity_ == 0 ? 1024 : capacity_ * 2;
    if (wanted < size_ + more) wanted = size_ + more;
    std::unique_ptr<char[]> moved{new char[wanted]};
    if (size_ != 0) std::memcpy(moved.get(), memory_.get(), size_);
    memory_ = std::move(moved);
    capacity_ = wanted;
  }

  std::unique_ptr<char[]> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace weft::http::detail

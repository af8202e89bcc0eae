// The bytes that a connection has received and not used up yet: one block, at most one move per read.
//
// It begins with a small block, which most requests fit in, and takes one for a head of the largest size when
// a head does not fit, or when a read has filled the block: then more is waiting, as with pipelined requests.
// So a connection that does little costs little.
//
// While a handler runs, the head of its request is held: it stays where it is, and what comes of the body
// goes behind it, or into a block of its own if there is little room. There is always room for `slack` / 2
// more bytes, behind a head of the largest size too.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory_resource>
#include <span>
#include <string_view>
#include <utility>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft::http::detail {

class input_buffer {
 public:
  static constexpr std::size_t slack = 4 << 10;
  static constexpr std::size_t small = 4 << 10;

  explicit input_buffer(std::size_t head_max,
                        std::pmr::memory_resource& memory = *std::pmr::new_delete_resource()) noexcept
      : from_{memory}, capacity_max_{head_max + slack} {}
  input_buffer(const input_buffer&) = delete;
  input_buffer& operator=(const input_buffer&) = delete;
  ~input_buffer() {
    give_back(memory_);
    give_back(held_);
  }

  std::string_view unread() const noexcept { return {memory_.data + begin_, end_ - begin_}; }
  bool empty() const noexcept { return begin_ == end_; }

  /// Where the next bytes from the peer go; may move what is unread, never empty.
  std::span<std::byte> space() {
    if (begin_ == end_) begin_ = end_ = floor_;
    else if (memory_.capacity - end_ < slack / 2) move_to(floor_);
    const bool fits = memory_.capacity - end_ >= slack / 2 && !filled_;
    if (!fits && memory_.capacity < capacity_max_) [[unlikely]]
      grow();
    WEFT_ASSERT(end_ < memory_.capacity, "nothing was consumed of a full buffer");
    return std::as_writable_bytes(std::span{memory_.data + end_, memory_.capacity - end_});
  }
  void added(std::size_t length) noexcept {
    end_ += length;
    filled_ = end_ == memory_.capacity;
  }
  void consume(std::size_t length) noexcept { begin_ += length; }

  /// Consumes a head and keeps it in place until release(). Returns where it begins now.
  const char* hold(std::size_t head_length) noexcept {
    if (memory_.capacity == capacity_max_ && capacity_max_ - begin_ - head_length < slack) move_to(0);
    const char* const head = memory_.data + begin_;
    begin_ += head_length;
    floor_ = begin_;
    return head;
  }
  void release() noexcept {
    floor_ = 0;
    if (held_.capacity != 0) [[unlikely]]
      give_back(held_);
  }

  /// Empties it, and keeps the first block at most.
  void reset() noexcept {
    begin_ = end_ = 0;
    filled_ = false;
    release();
    if (memory_.capacity > small) give_back(memory_);
  }

 private:
  struct block {
    char* data = nullptr;
    std::size_t capacity = 0;
  };

  void move_to(std::size_t at) noexcept {
    std::memmove(memory_.data + at, memory_.data + begin_, end_ - begin_);
    end_ = at + (end_ - begin_);
    begin_ = at;
  }

  // Takes the first block, or the large one in its place. A head that is held stays in the old one, where its
  // views lie.
  WEFT_NOINLINE void grow() {
    const std::size_t capacity = memory_.capacity == 0 ? small : capacity_max_;
    const block larger{static_cast<char*>(from_.allocate(capacity)), capacity};
    if (begin_ != end_) std::memcpy(larger.data, memory_.data + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    block old = std::exchange(memory_, larger);
    filled_ = false;
    if (std::exchange(floor_, 0) == 0) give_back(old);
    else held_ = old;
  }

  void give_back(block& b) noexcept {
    if (b.capacity != 0) from_.deallocate(b.data, b.capacity);
    b = {};
  }

  std::pmr::memory_resource& from_;
  const std::size_t capacity_max_;
  block memory_;           // not initialised: only what is used costs pages
  block held_;             // of the head that is held, if memory_ is a later one
  std::size_t begin_ = 0;  // of what is unread
  std::size_t end_ = 0;
  std::size_t floor_ = 0;  // bytes before this are held
  bool filled_ = false;    // by the last read: more is waiting
};

}  // namespace weft::http::detail

// The bytes that a connection has received and not used up yet: one block, at most one move per read.
//
// While a handler runs, the head of its request is held: it stays where it is, and what comes of the body
// goes behind it. There is always room for `slack` more bytes behind a head of the largest size.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include <weft/runtime/base/assert.hpp>

namespace weft::http::detail {

class input_buffer {
 public:
  static constexpr std::size_t slack = 4 << 10;

  explicit input_buffer(std::size_t head_max) : capacity_{head_max + slack}, memory_{new char[capacity_]} {}

  std::string_view unread() const noexcept { return {memory_.get() + begin_, end_ - begin_}; }
  bool empty() const noexcept { return begin_ == end_; }

  /// Where the next bytes from the peer go; may move what is unread, never empty.
  std::span<std::byte> space() noexcept {
    if (begin_ == end_) begin_ = end_ = floor_;
    else if (capacity_ - end_ < slack / 2) move_to(floor_);
    WEFT_ASSERT(end_ < capacity_, "nothing was consumed of a full buffer");
    return std::as_writable_bytes(std::span{memory_.get() + end_, capacity_ - end_});
  }
  void added(std::size_t length) noexcept { end_ += length; }
  void consume(std::size_t length) noexcept { begin_ += length; }

  /// Consumes a head and keeps it in place until release(). Returns where it begins now.
  const char* hold(std::size_t head_length) noexcept {
    if (capacity_ - begin_ - head_length < slack) move_to(0);
    const char* const head = memory_.get() + begin_;
    begin_ += head_length;
    floor_ = begin_;
    return head;
  }
  void release() noexcept { floor_ = 0; }

  void clear() noexcept { begin_ = end_ = floor_ = 0; }

 private:
  void move_to(std::size_t at) noexcept {
    std::memmove(memory_.get() + at, memory_.get() + begin_, end_ - begin_);
    end_ = at + (end_ - begin_);
    begin_ = at;
  }

  std::size_t capacity_;
  std::unique_ptr<char[]> memory_;  // not initialised: only what is used costs pages
  std::size_t begin_ = 0;           // of what is unread
  std::size_t end_ = 0;
  std::size_t floor_ = 0;  // bytes before this are held
};

}  // namespace weft::http::detail

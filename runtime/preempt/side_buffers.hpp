// Where the registers of a fiber go that is switched out in the middle of a computation: its stack may be too
// small for them (AVX-512: 2.7 KiB).
//
// One per open region, so that the handler, which cannot allocate, always finds one. They belong to the
// worker's thread: the handler takes one only while a region runs, and the others give and take only while
// none does, so they never meet.
#pragma once

#include <cstddef>

namespace weft::detail {

struct side_buffer;

class side_buffers {
 public:
  side_buffers() = default;
  side_buffers(const side_buffers&) = delete;
  side_buffers& operator=(const side_buffers&) = delete;
  ~side_buffers();

  /// One more region is open. False: reserve() is to be called.
  bool enter() noexcept { return ++regions_ <= made_; }
  /// One is closed. False: shrink() is to be called.
  bool leave() noexcept { return --regions_ != 0 || made_ <= kept; }

  std::size_t made() const noexcept { return made_; }

  /// Makes as many buffers as regions are open, if there is memory. On a thread's own stack.
  void reserve() noexcept;
  /// Frees what no region needs. On a thread's own stack.
  void shrink() noexcept;

  /// Null: there is none. The handler only.
  side_buffer* take() noexcept;
  void give(side_buffer& b) noexcept;

 private:
  static constexpr std::size_t kept = 4;  // by a worker without regions

  side_buffer* free_ = nullptr;
  std::size_t made_ = 0;
  std::size_t regions_ = 0;
};

}  // namespace weft::detail

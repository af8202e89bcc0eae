// Bytes whose address is a multiple of what the disk wants, as O_DIRECT asks: file::direct_alignment() tells
// how much that is. A page does for every disk that is known; any other span that is aligned will do as well.
#pragma once

#include <bit>
#include <cstddef>
#include <memory>
#include <new>
#include <span>

#include <weft/runtime/base/assert.hpp>

namespace weft::io {

class aligned_buffer {
 public:
  static constexpr std::size_t page = 4096;

  /// `size` bytes, not initialised, at a multiple of `alignment`, a power of two. Throws std::bad_alloc.
  explicit aligned_buffer(std::size_t size, std::size_t alignment = page)
      : bytes_{allocate(size, alignment), release{alignment}}, size_{size} {}

  std::byte* data() noexcept { return bytes_.get(); }
  const std::byte* data() const noexcept { return bytes_.get(); }
  std::size_t size() const noexcept { return size_; }

  std::span<std::byte> bytes() noexcept { return {data(), size_}; }
  std::span<const std::byte> bytes() const noexcept { return {data(), size_}; }

 private:
  struct release {
    std::size_t alignment = page;
    void operator()(std::byte* bytes) const noexcept {
      ::operator delete(bytes, std::align_val_t{alignment});
    }
  };

  static std::byte* allocate(std::size_t size, std::size_t alignment) {
    WEFT_ASSERT(std::has_single_bit(alignment), "an alignment is a power of two");
    return static_cast<std::byte*>(::operator new(size, std::align_val_t{alignment}));
  }

  std::unique_ptr<std::byte, release> bytes_;
  std::size_t size_;
};

}  // namespace weft::io

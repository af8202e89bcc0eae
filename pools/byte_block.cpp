#include <weft/pools/byte_block.hpp>

#include <limits>
#include <new>

namespace weft::detail {
namespace {

// The block lies before its bytes, in a cache line of its own: the count changes while others read the bytes.
constexpr std::size_t header = cache_line;
constexpr std::align_val_t alignment{cache_line};
static_assert(sizeof(byte_block) <= header);

void free_block(byte_block& block) noexcept {
  block.~byte_block();
  ::operator delete(static_cast<void*>(&block), alignment);
}

}  // namespace

byte_block& byte_block::make(std::size_t capacity) {
  if (capacity > std::numeric_limits<std::size_t>::max() - header) throw std::bad_alloc{};
  void* const memory = ::operator new(header + capacity, alignment);
  return *new (memory) byte_block{static_cast<std::byte*>(memory) + header, capacity, free_block};
}

}  // namespace weft::detail

#include <weft/http/server_memory.hpp>

#include <new>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft::http::detail {

void* server_memory::do_allocate(std::size_t bytes, std::size_t alignment) {
  WEFT_ASSERT(alignment <= weft::detail::cache_line, "bytes need no such alignment");
  weft::detail::bounded_blocks* const pool = pool_of(bytes);
  if (pool == nullptr) [[unlikely]]
    return ::operator new(bytes, std::align_val_t{alignment});
  void* const block = pool->try_take();
  if (block == nullptr) [[unlikely]]
    throw std::bad_alloc{};
  return block;
}

void server_memory::do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) {
  if (weft::detail::bounded_blocks* const pool = pool_of(bytes)) pool->give(memory);
  else ::operator delete(memory, bytes, std::align_val_t{alignment});
}

}  // namespace weft::http::detail

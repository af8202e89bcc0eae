// The bytes that a server works on: input, output, bodies and decoded text of its connections, from pools.
//
// Seven sizes, each a pool with a cache per thread, so that taking and giving back is 2 ns and no lock.
// Output and bodies go back as soon as they are empty, and the next request takes what is still in the
// processor's cache; input, fields and decoded paths stay with their exchange. What is larger comes from the
// heap. The pools have no limit of their own: who takes from them is a connection, and these have one.
#pragma once

#include <array>
#include <cstddef>
#include <memory_resource>
#include <string_view>
#include <utility>

#include <weft/http/message/buffer_sizes.hpp>
#include <weft/runtime/bounded_blocks.hpp>

namespace weft::http::detail {

/// All memory must be back before it goes; that some is not is an assertion.
class server_memory final : public std::pmr::memory_resource {
 public:
  /// Keeps memory for so many connections that do something, though they do not.
  explicit server_memory(std::size_t connections_warm) noexcept
      : server_memory{connections_warm, std::make_index_sequence<sizes.size()>{}} {}

 private:
  struct size_class {
    std::size_t bytes;
    std::string_view name;
    std::size_t per_connection;  // of these, in general
  };
  static constexpr std::array<size_class, buffer_sizes.size()> sizes{
      {{buffer_sizes[0], "http buffers of 1 KiB", 2},
       {buffer_sizes[1], "http buffers of 4 KiB", 2},
       {buffer_sizes[2], "http buffers of 16 KiB", 0},
       {buffer_sizes[3], "http buffers of 32 KiB", 0},
       {buffer_sizes[4], "http buffers of 64 KiB", 0},
       {buffer_sizes[5], "http buffers of 256 KiB", 0},
       {buffer_sizes[6], "http buffers of 1 MiB", 0}}};

  template <std::size_t... I>
  server_memory(std::size_t connections_warm, std::index_sequence<I...>) noexcept
      : blocks_{weft::detail::bounded_blocks{sizes[I].bytes,
                                             {.name = sizes[I].name,
                                              .floor = sizes[I].per_connection * connections_warm,
                                              .limit = SIZE_MAX,
                                              .exhausted = exhaustion::refuse}}...} {}

  /// The pool of the smallest size that holds so many bytes; null: none does.
  weft::detail::bounded_blocks* pool_of(std::size_t bytes) noexcept {
    std::size_t i = 0;
    while (i < sizes.size() && sizes[i].bytes < bytes) ++i;
    return i < sizes.size() ? &blocks_[i] : nullptr;
  }

  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::array<weft::detail::bounded_blocks, sizes.size()> blocks_;
};

}  // namespace weft::http::detail

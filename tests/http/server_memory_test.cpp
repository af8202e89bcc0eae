// The bytes of a server: which pool they come from, what is too large for any, and that they go back.
#include <weft/http/server_memory.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include <weft/http/message/buffer_sizes.hpp>
#include <weft/http/message/byte_buffer.hpp>
#include <weft/pools/pool_registry.hpp>

namespace weft::http::detail {
namespace {

constexpr std::size_t kib = weft::detail::kib;
constexpr std::array<std::string_view, 7> names{
    "http buffers of 1 KiB",  "http buffers of 4 KiB",   "http buffers of 16 KiB", "http buffers of 32 KiB",
    "http buffers of 64 KiB", "http buffers of 256 KiB", "http buffers of 1 MiB"};

// The pools that something is taken from, by name.
std::string in_use() {
  std::string all;
  for_each_pool([&](std::string_view name, const pool_stats& s) {
    if (!name.starts_with("http buffers") || s.in_use == 0) return;
    if (!all.empty()) all += ", ";
    all += std::to_string(s.in_use) + " of " + std::string{name};
  });
  return all;
}

TEST(ServerMemory, each_size_comes_from_the_smallest_that_holds_it) {
  server_memory memory{1};
  std::size_t least = 1;
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (const std::size_t bytes : {least, buffer_sizes[i]}) {
      void* const block = memory.allocate(bytes, 1);
      EXPECT_EQ(in_use(), "1 of " + std::string{names[i]}) << bytes;
      memory.deallocate(block, bytes, 1);
      EXPECT_EQ(in_use(), "") << bytes;
    }
    least = buffer_sizes[i] + 1;
  }
}

TEST(ServerMemory, what_no_pool_holds_comes_from_the_heap) {
  server_memory memory{1};
  const std::size_t bytes = 1024 * kib + 1;
  auto* const block = static_cast<std::byte*>(memory.allocate(bytes));
  EXPECT_EQ(in_use(), "");
  block[0] = block[bytes - 1] = std::byte{1};
  memory.deallocate(block, bytes);
}

TEST(ServerMemory, is_aligned_as_asked_for_whatever_the_size) {
  server_memory memory{1};
  for (const std::size_t bytes : {std::size_t{100}, 5 * kib, 1024 * kib, 1024 * kib + 8, 3000 * kib})
    for (std::size_t alignment = 1; alignment <= weft::detail::cache_line; alignment *= 2) {
      std::array<void*, 4> blocks{};
      for (void*& block : blocks) {
        block = memory.allocate(bytes, alignment);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u) << bytes << ' ' << alignment;
      }
      for (void* const block : blocks) memory.deallocate(block, bytes, alignment);
    }
}

TEST(ServerMemory, what_is_given_back_is_taken_again) {
  server_memory memory{1};
  void* const first = memory.allocate(3000);
  memory.deallocate(first, 3000);
  void* const second = memory.allocate(1500);  // of the same pool
  EXPECT_EQ(second, first);
  memory.deallocate(second, 1500);
}

TEST(ServerMemoryDeathTest, what_is_not_given_back_is_an_assertion) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        server_memory memory{1};
        static_cast<void>(memory.allocate(100));
      },
      "");
}

TEST(ServerMemory, a_buffer_uses_all_of_the_block_that_it_gets) {
  server_memory memory{1};
  byte_buffer text{memory};
  text.append(std::string(5 * kib, 'a'));
  const char* const at = text.text().data();
  text.append(std::string(11 * kib, 'b'));
  EXPECT_EQ(text.text().data(), at);
  EXPECT_EQ(in_use(), "1 of http buffers of 16 KiB");
  text.append("c");
  EXPECT_EQ(in_use(), "1 of http buffers of 64 KiB");
  EXPECT_EQ(text.text(), std::string(5 * kib, 'a') + std::string(11 * kib, 'b') + 'c');
  text.release();
  EXPECT_EQ(in_use(), "");
}

TEST(BufferSize, is_that_of_the_smallest_block_or_else_what_was_asked_for) {
  EXPECT_EQ(buffer_size(0), kib);
  EXPECT_EQ(buffer_size(kib), kib);
  EXPECT_EQ(buffer_size(kib + 1), 4 * kib);
  EXPECT_EQ(buffer_size(17 * kib), 32 * kib);
  EXPECT_EQ(buffer_size(1024 * kib), 1024 * kib);
  EXPECT_EQ(buffer_size(1024 * kib + 1), 1024 * kib + 1);
}

}  // namespace
}  // namespace weft::http::detail

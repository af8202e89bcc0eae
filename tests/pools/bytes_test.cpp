// buffer and bytes: who owns what, what is shared, what is copied.
#include <weft/pools/bytes.hpp>

#include <concepts>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>

namespace weft {
namespace {

using namespace std::string_view_literals;

std::string_view text_of(byte_view view) { return {reinterpret_cast<const char*>(view.data()), view.size()}; }

static_assert(!std::copyable<buffer> && std::movable<buffer>);
static_assert(std::copyable<bytes> && std::is_nothrow_move_constructible_v<bytes>);
static_assert(std::is_nothrow_copy_constructible_v<bytes>);
static_assert(std::convertible_to<buffer&, std::span<std::byte>>);
static_assert(std::convertible_to<const buffer&, byte_view>);
static_assert(!std::convertible_to<const buffer&, std::span<std::byte>>, "who may not write must not");
static_assert(std::convertible_to<const bytes&, byte_view>);
static_assert(!std::convertible_to<bytes&, std::span<std::byte>>, "bytes are constant");

// --- buffer

TEST(Buffer, is_empty_until_made_of_a_size) {
  buffer none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.capacity(), 0u);
  EXPECT_TRUE(std::span<std::byte>{none}.empty());
  buffer some{100};
  EXPECT_EQ(some.size(), 100u);
  EXPECT_GE(some.capacity(), 100u);
  std::memset(some.data(), 1, some.size());
}

TEST(Buffer, begins_at_a_cache_line) {
  for (const std::size_t size : {1u, 7u, 64u, 1000u, 100'000u}) {
    buffer b{size};
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b.data()) % 64, 0u) << size;
  }
}

TEST(Buffer, moves_and_leaves_nothing_behind) {
  buffer from = buffer::copy_of("moved"sv);
  const std::byte* const where = from.data();
  buffer to{std::move(from)};
  EXPECT_EQ(to.data(), where);
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(from.data(), nullptr);
  buffer other = buffer::copy_of("freed"sv);
  other = std::move(to);
  EXPECT_EQ(text_of(other), "moved");
  buffer& same = other;
  other = std::move(same);
}

TEST(Buffer, is_resized_within_its_capacity) {
  buffer b = buffer::copy_of("resized"sv);
  b.resize(2);
  EXPECT_EQ(text_of(b), "re");
  b.resize(b.capacity());
  EXPECT_EQ(text_of(b), "resized");
  b[0] = std::byte{'R'};
  EXPECT_EQ(std::as_const(b)[0], std::byte{'R'});
}

TEST(BufferDeathTest, beyond_the_end_is_an_assertion) {
  buffer b{4};
  EXPECT_DEATH(b.resize(b.capacity() + 1), "does not grow");
  EXPECT_DEATH((void)b[4], "beyond the end");
}

TEST(Buffer, too_large_is_bad_alloc) { EXPECT_THROW(buffer{static_cast<std::size_t>(-1)}, std::bad_alloc); }

// --- bytes

TEST(SharedBytes, take_a_buffer_over_without_a_copy) {
  buffer made = buffer::copy_of("built in place"sv);
  const std::byte* const where = made.data();
  const bytes shared{std::move(made)};
  EXPECT_EQ(shared.data(), where);
  EXPECT_EQ(shared.text(), "built in place");
  EXPECT_TRUE(made.empty());
  EXPECT_EQ(made.capacity(), 0u);
}

TEST(SharedBytes, copies_and_slices_share_the_memory) {
  const bytes whole = bytes::copy_of("one two three"sv);
  EXPECT_TRUE(whole.unique());
  const bytes copy = whole;
  EXPECT_FALSE(whole.unique());
  EXPECT_EQ(copy.data(), whole.data());
  const bytes two = whole.slice(4, 3);
  EXPECT_EQ(two.text(), "two");
  EXPECT_EQ(two.data(), whole.data() + 4);
  EXPECT_EQ(whole.slice(8).text(), "three");
  EXPECT_TRUE(whole.slice(13).empty());
  EXPECT_EQ(two.slice(1, 1).text(), "w");
}

TEST(SharedBytes, a_slice_keeps_the_memory) {
  bytes slice;
  {
    bytes whole = bytes::copy_of(std::string(5000, 'x') + "end");
    slice = whole.slice(5000);
    whole = {};
  }
  EXPECT_EQ(slice.text(), "end");
  EXPECT_TRUE(slice.unique());
}

TEST(SharedBytes, are_cut_from_the_front) {
  bytes rest = bytes::copy_of("headbody"sv);
  const bytes head = rest.split_front(4);
  EXPECT_EQ(head.text(), "head");
  EXPECT_EQ(rest.text(), "body");
  EXPECT_FALSE(rest.unique());
  rest.remove_prefix(4);
  EXPECT_TRUE(rest.empty());
}

TEST(SharedBytes, assign_to_themselves_and_over_the_last_handle) {
  bytes a = bytes::copy_of("first"sv), b = bytes::copy_of("second"sv);
  bytes& same = a;
  a = same;
  EXPECT_EQ(a.text(), "first");
  a = a.slice(1);
  EXPECT_EQ(a.text(), "irst");
  a = std::move(b);
  EXPECT_EQ(a.text(), "second");
  EXPECT_TRUE(b.empty());
  EXPECT_TRUE(a.unique());
}

TEST(SharedBytes, of_static_memory_copy_nothing) {
  static constexpr std::string_view literal = "HTTP/1.1 200 OK\r\n";
  const bytes line = bytes::of_static(literal);
  EXPECT_EQ(static_cast<const void*>(line.data()), literal.data());
  const bytes status = line.slice(9, 3);
  EXPECT_EQ(status.text(), "200");
  EXPECT_FALSE(line.unique()) << "there is no saying who else looks at it";
}

TEST(SharedBytes, are_equal_if_the_bytes_are) {
  const bytes a = bytes::copy_of("same"sv), b = bytes::copy_of("same"sv), other = bytes::copy_of("sane"sv);
  EXPECT_TRUE(a == b);
  EXPECT_TRUE(a == a.slice(0));
  EXPECT_FALSE(a == other);
  EXPECT_FALSE(a == a.slice(1));
  EXPECT_TRUE(a == byte_view{"same"sv});
  EXPECT_TRUE(bytes{} == bytes{});
}

TEST(SharedBytesDeathTest, beyond_the_end_is_an_assertion) {
  bytes b = bytes::copy_of("four"sv);
  EXPECT_DEATH((void)b[4], "beyond the end");
  EXPECT_DEATH((void)b.slice(5), "begins behind");
  EXPECT_DEATH((void)b.slice(2, 3), "ends behind");
  EXPECT_DEATH((void)b.slice(1, static_cast<std::size_t>(-1)), "ends behind");
  EXPECT_DEATH(b.remove_prefix(5), "more is removed");
}

// What sanitizers look at: the last of many threads frees what another one wrote.
TEST(SharedBytes, are_shared_by_threads) {
  for (int round = 0; round < weft_test::scaled(100); ++round) {
    buffer made{256};
    std::memset(made.data(), round & 0xff, made.size());
    bytes shared{std::move(made)};
    std::vector<std::thread> threads;
    std::vector<int> wrong(4);
    for (int& mine : wrong)
      threads.emplace_back([&mine, round, handle = shared.slice(static_cast<std::size_t>(round) % 200)] {
        for (int i = 0; i < 20; ++i) {
          const bytes again = handle;
          for (const std::byte b : again.slice(again.size() / 2)) mine += b != static_cast<std::byte>(round);
        }
      });
    shared = {};
    for (std::thread& t : threads) t.join();
    EXPECT_EQ(wrong, std::vector<int>(4));
  }
}

}  // namespace
}  // namespace weft

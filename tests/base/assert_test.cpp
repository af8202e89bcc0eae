// WEFT_ASSERT: what it prints when it fails, and that it costs nothing but the condition when it holds.
#include <weft/runtime/base/assert.hpp>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/base/result.hpp>

namespace {

using namespace std::chrono_literals;
using weft::detail::set_assert_describer;

enum class color : std::uint8_t { red = 7 };

struct pair {
  std::uint8_t first = 1;
  std::uint8_t second = 0xab;
  bool operator==(const pair&) const = default;
};

TEST(Assert, passing_evaluates_the_condition_once) {
  int evaluated = 0;
  WEFT_ASSERT(++evaluated == 1);
  WEFT_ASSERT(++evaluated);
  WEFT_ASSERT(++evaluated == 3 && true, "with a sentence");
  EXPECT_EQ(evaluated, 3);
}

TEST(Assert, takes_what_conditions_are_made_of) {
  struct {
    unsigned bits : 3 = 5;
  } packed;
  const int* const null = nullptr;
  const std::string name = "weft";
  const weft::result<int> some = 1;
  WEFT_ASSERT(packed.bits == 5);
  WEFT_ASSERT(null == nullptr);
  WEFT_ASSERT(!null);
  WEFT_ASSERT(name == "weft");
  WEFT_ASSERT(std::string{"a temporary that must live long enough"} ==
              std::string_view{"a temporary that must live long enough"});
  WEFT_ASSERT(some);
  WEFT_ASSERT(name.size() == 4);
  WEFT_ASSERT(name.size() + 1 > 4 || name.empty());
  WEFT_ASSERT((packed.bits & 4) != 0);
  WEFT_ASSERT(1 << 2 <= 4);
  WEFT_ASSERT((std::is_same_v<int, int>));
  if (null == nullptr) WEFT_ASSERT(true);
  else WEFT_ASSERT(false);
}

constexpr int half(int even) {
  WEFT_ASSERT(even % 2 == 0, "half of an odd number");
  return even / 2;
}
static_assert(half(4) == 2, "WEFT_ASSERT may stand in a constexpr function");

TEST(Assert, unlike_signs_compare_by_value) {
  const int minus = -1;
  const std::size_t size = 0;
  WEFT_ASSERT(minus < size);
  EXPECT_DEATH(WEFT_ASSERT(minus >= size), "left   -1\n  right  0\n");
}

TEST(AssertDeathTest, prints_place_condition_and_sentence) {
  EXPECT_DEATH(WEFT_ASSERT(half(2) == 2, "half of two is one"),
               "assert_test.cpp:[0-9]+: WEFT_ASSERT\\(half\\(2\\) == 2\\) failed: half of two is one\n  left "
               "  1\n  right  2\n");
  EXPECT_DEATH(half(3), "failed: half of an odd number\n  left   1\n  right  0\n");
  EXPECT_DEATH(WEFT_ASSERT(1 > 2), "WEFT_ASSERT\\(1 > 2\\) failed\n");
}

TEST(AssertDeathTest, prints_integers_to_both_ends) {
  const auto lowest = std::numeric_limits<std::int64_t>::min();
  const auto highest = std::numeric_limits<std::uint64_t>::max();
  EXPECT_DEATH(WEFT_ASSERT(lowest == 0), "left   -9223372036854775808\n");
  EXPECT_DEATH(WEFT_ASSERT(highest == 0u), "left   18446744073709551615\n");
  EXPECT_DEATH(WEFT_ASSERT('x' == '\n'), "left   'x' \\(120\\)\n  right  '.x0a' \\(10\\)\n");
  EXPECT_DEATH(WEFT_ASSERT(color::red == color{9}), "left   7\n  right  9\n");
  EXPECT_DEATH(WEFT_ASSERT(5ms == 6us), "left   5\n  right  6\n");
}

TEST(AssertDeathTest, prints_booleans_and_pointers) {
  const bool yes = true, no = false;
  const void* const address = reinterpret_cast<const void*>(0xbeef);
  const char* const letters = reinterpret_cast<const char*>(0xbeef);  // must not be followed
  EXPECT_DEATH(WEFT_ASSERT(yes == no), "left   true\n  right  false\n");
  EXPECT_DEATH(WEFT_ASSERT(address == nullptr), "left   0xbeef\n  right  nullptr\n");
  EXPECT_DEATH(WEFT_ASSERT(letters == nullptr), "left   0xbeef\n  right  nullptr\n");
}

TEST(AssertDeathTest, prints_strings_quoted_and_bounded) {
  const std::string_view text = "a\"\t\x7f";
  EXPECT_DEATH(WEFT_ASSERT(text == "b"), "left   \"a.\".x09.x7f\"\n  right  \"b\"\n");
  EXPECT_DEATH(WEFT_ASSERT(std::string(1000, 'z') == text), "left   \"z{96}\"\\.\\.\\. \\(1000 bytes\\)\n");
}

TEST(AssertDeathTest, prints_errors_by_category_and_name) {
  const std::error_code reset{ECONNRESET, std::system_category()};
  EXPECT_DEATH(WEFT_ASSERT(reset == weft::make_error_code(weft::errc::canceled)),
               "left   system:104 ECONNRESET\n  right  weft:2 canceled\n");
  EXPECT_DEATH(WEFT_ASSERT(std::error_code(77, weft::weft_category()) == reset), "left   weft:77\n");
  const weft::result<int> failed = std::unexpected(weft::make_error_code(weft::errc::limit));
  EXPECT_DEATH(WEFT_ASSERT(failed), "WEFT_ASSERT\\(failed\\) failed\n  error  weft:4 limit reached\n");
}

TEST(AssertDeathTest, prints_other_types_as_bytes) {
  EXPECT_DEATH(WEFT_ASSERT(pair{} == (pair{1, 2})),
               "left   \\{01 ab\\} \\(2 bytes\\)\n  right  \\{01 02\\} \\(2 bytes\\)\n");
  EXPECT_DEATH(WEFT_ASSERT(1.0 == 2.0), "left   \\{00 00 00 00 00 00 f0 3f\\} \\(8 bytes\\)\n");
}

TEST(AssertDeathTest, prints_no_operands_of_a_joined_condition) {
  const int one = 1;
  EXPECT_DEATH(WEFT_ASSERT(one == 1 && one == 2), "WEFT_ASSERT\\(one == 1 && one == 2\\) failed\n");
  EXPECT_DEATH(WEFT_ASSERT(!one), "failed\n");
}

TEST(AssertDeathTest, says_which_fiber_it_was) {
  const auto describe = [](char* out, std::size_t size) noexcept -> std::size_t {
    constexpr std::string_view words = "12 \"reader\", parked in read";
    std::memcpy(out, words.data(), std::min(size, words.size()));
    return words.size();
  };
  const auto fail = [&] {
    set_assert_describer(describe);
    WEFT_ASSERT(1 == 2);
  };
  EXPECT_DEATH(fail(), "right  2\n  fiber  12 \"reader\", parked in read\n");
}

TEST(AssertDeathTest, ends_even_if_the_describer_fails) {
  const auto fail = [] {
    set_assert_describer([](char*, std::size_t) noexcept -> std::size_t {
      WEFT_ASSERT(3 == 4);
      return 0;
    });
    WEFT_ASSERT(1 == 2);
  };
  EXPECT_DEATH(fail(), "1 == 2(.|\n)*and while reporting it: .*3 == 4");
}

TEST(AssertDeathTest, a_describer_may_not_write_past_its_room) {
  const auto fail = [] {
    set_assert_describer([](char* out, std::size_t size) noexcept -> std::size_t {
      std::memset(out, '!', size);
      return size + 1000;
    });
    WEFT_ASSERT(1 == 2);
  };
  EXPECT_DEATH(fail(), "fiber  !{1000}");
}

TEST(AssertDeathTest, debug_assert_is_evaluated_only_without_ndebug) {
  int evaluated = 0;
  WEFT_DEBUG_ASSERT(++evaluated == 1, "counts");
#ifdef NDEBUG
  EXPECT_EQ(evaluated, 0);
#else
  EXPECT_EQ(evaluated, 1);
  EXPECT_DEATH(WEFT_DEBUG_ASSERT(evaluated == 5), "left   1\n  right  5\n");
#endif
}

}  // namespace

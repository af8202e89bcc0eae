// Byte kernels: each variant that this processor runs against plain loops, at every length, alignment and
// place of what is sought, up to pages that cannot be read; and which variant is chosen.
#include <weft/runtime/base/byte_kernels.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <guarded_memory.hpp>

namespace weft {
namespace {

using detail::byte_kernel_table;
using weft_test::guarded_memory;
using namespace std::string_view_literals;

std::array<std::uint8_t, 4> key_bytes(std::uint32_t key) {
  std::array<std::uint8_t, 4> bytes;
  std::memcpy(bytes.data(), &key, 4);
  return bytes;
}

// --- every variant that can run here

std::vector<const byte_kernel_table*> variants() {
  const detail::cpu_features here = detail::read_cpu_features();
  std::vector<const byte_kernel_table*> found;
  for (const byte_kernel_table* table : detail::all_byte_kernels())
    if (here.has(table->level)) found.push_back(table);
  return found;
}

struct ByteKernels : testing::TestWithParam<const byte_kernel_table*> {
  const byte_kernel_table& kernels = *GetParam();
  std::mt19937_64 random{20'240'601};

  std::uint8_t random_byte() { return static_cast<std::uint8_t>(random()); }
  void fill(std::span<std::uint8_t> bytes) {
    std::ranges::generate(bytes, [&] { return random_byte(); });
  }
};

INSTANTIATE_TEST_SUITE_P(Variants, ByteKernels, testing::ValuesIn(variants()),
                         [](const auto& v) { return std::string{simd::name(v.param->level)}; });

// Past four vectors of 64 bytes, twice, with every remainder.
constexpr std::size_t length_max = 2 * 4 * 64 + 67;
constexpr std::size_t alignments = 64;

// Lengths for tests that are quadratic in them: around every step of every loop.
std::vector<std::size_t> telling_lengths() {
  std::vector<std::size_t> lengths;
  for (std::size_t n = 0; n <= 70; ++n) lengths.push_back(n);
  for (const std::size_t n :
       {95u, 96u, 97u, 127u, 128u, 129u, 159u, 160u, 191u, 192u, 255u, 256u, 257u, 319u, 511u, 512u, 579u})
    lengths.push_back(n);
  return lengths;
}

TEST_P(ByteKernels, find_byte_finds_the_first_at_every_place) {
  const guarded_memory memory{length_max};
  for (const std::size_t n : telling_lengths()) {
    std::uint8_t* const text = memory.at_end(n);
    std::fill_n(text, n, 'a');
    ASSERT_EQ(kernels.find_byte(text, n, 'x'), n);
    for (std::size_t at = n; at-- > 0;) {  // from behind, so that there are more after the first
      text[at] = 'x';
      ASSERT_EQ(kernels.find_byte(text, n, 'x'), at) << "of " << n;
    }
  }
}

TEST_P(ByteKernels, find_byte_does_not_see_what_lies_around) {
  guarded_memory memory{length_max + 2 * alignments};
  std::ranges::fill(memory.all(), std::uint8_t{'x'});
  for (std::size_t alignment = 0; alignment < alignments; ++alignment)
    for (const std::size_t n : telling_lengths()) {
      std::uint8_t* const text = memory.at_begin() + alignment;
      std::fill_n(text, n, 'a');
      ASSERT_EQ(kernels.find_byte(text, n, 'x'), n) << "at alignment " << alignment;
      std::fill_n(text, n, 'x');
    }
}

TEST_P(ByteKernels, find_byte_knows_every_value_and_zero_is_one_of_them) {
  const guarded_memory memory{256};
  for (const std::size_t n : {1u, 3u, 7u, 15u, 31u, 63u, 200u}) {
    for (unsigned value = 0; value < 256; ++value) {
      std::uint8_t* const text = memory.at_end(n);
      std::fill_n(text, n, static_cast<std::uint8_t>(value + 1));
      ASSERT_EQ(kernels.find_byte(text, n, static_cast<std::uint8_t>(value)), n) << value;
      text[n / 2] = static_cast<std::uint8_t>(value);
      ASSERT_EQ(kernels.find_byte(text, n, static_cast<std::uint8_t>(value)), n / 2) << value;
    }
  }
}

TEST_P(ByteKernels, find_any_of_tells_every_byte_of_every_bit) {
  const guarded_memory memory{256};
  for (const std::size_t n : {1u, 5u, 17u, 40u, 100u}) {
    for (unsigned wanted = 0; wanted < 256; ++wanted) {
      byte_set set;
      set.add(static_cast<std::byte>(wanted));
      std::uint8_t* const text = memory.at_end(n);
      for (unsigned other = 0; other < 256; ++other) {
        std::fill_n(text, n, static_cast<std::uint8_t>(other));
        ASSERT_EQ(kernels.find_any_of(text, n, set.rows()), wanted == other ? 0 : n) << wanted << other;
      }
    }
  }
}

TEST_P(ByteKernels, find_any_of_finds_the_first_at_every_place) {
  constexpr byte_set line_ends{"\r\n\0"sv};  // zero too: what a short tail is filled with
  const guarded_memory memory{length_max};
  for (const std::size_t n : telling_lengths()) {
    std::uint8_t* const text = memory.at_end(n);
    std::fill_n(text, n, 'a');
    ASSERT_EQ(kernels.find_any_of(text, n, line_ends.rows()), n);
    for (std::size_t at = n; at-- > 0;) {
      text[at] = static_cast<std::uint8_t>("\r\n\0"[at % 3]);
      ASSERT_EQ(kernels.find_any_of(text, n, line_ends.rows()), at) << "of " << n;
    }
  }
}

TEST_P(ByteKernels, equal_sees_one_different_bit_at_every_place) {
  const guarded_memory left{length_max}, right{length_max};
  for (const std::size_t n : telling_lengths()) {
    std::uint8_t *const a = left.at_end(n), *const b = right.at_end(n);
    fill({a, n});
    std::copy_n(a, n, b);
    ASSERT_TRUE(kernels.equal(a, b, n)) << n;
    for (std::size_t at = 0; at < n; ++at) {
      const std::uint8_t bit = static_cast<std::uint8_t>(1u << (at + n) % 8);
      b[at] ^= bit;
      ASSERT_FALSE(kernels.equal(a, b, n)) << at << " of " << n;
      b[at] ^= bit;
    }
  }
}

TEST_P(ByteKernels, equal_at_every_alignment_does_not_see_what_lies_around) {
  std::vector<std::uint8_t> left(length_max + 2 * alignments, 1), right(left.size(), 2);
  for (std::size_t x = 0; x < alignments; x += 3)
    for (std::size_t y = 0; y < alignments; y += 5)
      for (const std::size_t n : telling_lengths()) {
        std::fill_n(&left[x], n, 7);
        std::fill_n(&right[y], n, 7);
        ASSERT_TRUE(kernels.equal(&left[x], &right[y], n)) << n;
        std::fill_n(&left[x], n, 1);
        std::fill_n(&right[y], n, 2);
        ASSERT_EQ(kernels.equal(&left[x], &right[y], n), n == 0) << n;
      }
}

// Each of these three writes n bytes at `to` and no other: on both sides lie a hundred bytes that are
// compared afterwards.
template <class Write, class Expected>
void expect_written(ByteKernels& test, Write write, Expected expected) {
  constexpr std::size_t around = 100;
  std::vector<std::uint8_t> to(length_max + alignments + 2 * around), from(to.size());
  for (std::size_t alignment = 0; alignment < alignments; ++alignment) {
    for (std::size_t n = 0; n <= length_max; n += n < 150 ? 1 : 7) {
      if (alignment % 8 != 0 && n > 150) break;
      test.fill(to);
      test.fill(from);
      const std::size_t source = test.random() % alignments;
      std::vector<std::uint8_t> wanted = to;
      for (std::size_t i = 0; i < n; ++i)
        wanted[around + alignment + i] = expected(to[around + alignment + i], from[source + i], i);
      write(&to[around + alignment], &from[source], n);
      ASSERT_EQ(to, wanted) << n << " bytes at alignment " << alignment;
    }
  }
}

TEST_P(ByteKernels, copy_writes_every_byte_and_no_other) {
  expect_written(*this, kernels.copy, [](std::uint8_t, std::uint8_t b, std::size_t) { return b; });
}

TEST_P(ByteKernels, xor_into_writes_every_byte_and_no_other) {
  expect_written(*this, kernels.xor_into, [](std::uint8_t a, std::uint8_t b, std::size_t) {
    return static_cast<std::uint8_t>(a ^ b);
  });
}

TEST_P(ByteKernels, xor_key_writes_every_byte_and_no_other) {
  constexpr std::uint32_t key = 0x8d3c'a15f;
  expect_written(
      *this, [&](std::uint8_t* to, const std::uint8_t*, std::size_t n) { kernels.xor_key(to, n, key); },
      [](std::uint8_t a, std::uint8_t, std::size_t i) {
        return static_cast<std::uint8_t>(a ^ key_bytes(key)[i % 4]);
      });
}

TEST_P(ByteKernels, xor_into_itself_is_zero) {
  for (std::size_t n = 0; n <= length_max; ++n) {
    std::vector<std::uint8_t> bytes(n);
    fill(bytes);
    kernels.xor_into(bytes.data(), bytes.data(), n);
    ASSERT_EQ(bytes, std::vector<std::uint8_t>(n)) << n;
  }
}

TEST_P(ByteKernels, nothing_is_touched_outside_between_two_pages) {
  const guarded_memory memory{65536}, others{65536};
  const std::size_t whole = memory.all().size();
  std::ranges::fill(memory.all(), std::uint8_t{'a'});
  for (std::size_t n = 0; n <= length_max; ++n) {
    for (std::uint8_t* const at : {memory.at_begin(), memory.at_end(n)}) {
      std::uint8_t* const other = at == memory.at_begin() ? others.at_begin() : others.at_end(n);
      kernels.copy(other, at, n);
      ASSERT_TRUE(kernels.equal(other, at, n));
      ASSERT_EQ(kernels.find_byte(at, n, 'x'), n);
      ASSERT_EQ(kernels.find_any_of(at, n, byte_set{"xyz"}.rows()), n);
      kernels.xor_key(other, n, 0x0101'0101);
      kernels.xor_into(other, at, n);
      ASSERT_EQ(std::count(other, other + n, std::uint8_t{1}), static_cast<std::ptrdiff_t>(n));
    }
  }
  kernels.copy(others.at_begin(), memory.at_begin(), whole);
  EXPECT_TRUE(kernels.equal(others.at_begin(), memory.at_begin(), whole));
}

// Whatever loops the tests above do not think of.
TEST_P(ByteKernels, agree_with_plain_loops_on_random_data) {
  std::vector<std::uint8_t> a(9000), b(9000), changed, wanted;
  for (int round = 0; round < weft_test::scaled(20'000); ++round) {
    const std::size_t n = random() % (round % 16 == 0 ? 8000 : 300);
    const std::size_t x = random() % alignments, y = random() % alignments;
    // Few values, so that something is found, late.
    const std::uint64_t values = std::uint64_t{1} << random() % 9;
    for (std::size_t i = 0; i < n; ++i) a[x + i] = static_cast<std::uint8_t>(random() % values);
    std::copy_n(&a[x], n, &b[y]);
    if (n != 0 && random() % 2 == 0) b[y + random() % n] ^= static_cast<std::uint8_t>(1 + random() % 255);

    const std::uint8_t what = random_byte();
    byte_set set;
    for (std::uint64_t members = random() % 5; members-- > 0;) set.add(static_cast<std::byte>(random()));
    const std::uint8_t *const first = &a[x], *const last = first + n;
    ASSERT_EQ(kernels.find_byte(first, n, what), std::find(first, last, what) - first);
    const auto in_set = [&](std::uint8_t c) { return set.contains(std::byte{c}); };
    ASSERT_EQ(kernels.find_any_of(first, n, set.rows()), std::find_if(first, last, in_set) - first);
    ASSERT_EQ(kernels.equal(first, &b[y], n), std::equal(first, last, &b[y]));

    changed = wanted = b;
    const auto key = static_cast<std::uint32_t>(random());
    for (std::size_t i = 0; i < n; ++i) {
      wanted[y + i] ^= key_bytes(key)[i % 4];
      wanted[y + i] ^= a[x + i];
    }
    kernels.xor_key(&changed[y], n, key);
    kernels.xor_into(&changed[y], first, n);
    ASSERT_EQ(changed, wanted);
  }
}

// --- as users call them: with the variant that was chosen

std::span<std::byte> bytes_of(std::string& text) { return std::as_writable_bytes(std::span{text}); }

TEST(Simd, finds) {
  constexpr byte_set separators{";,"};
  EXPECT_EQ(simd::find_byte("key=value"sv, std::byte{'='}), 3u);
  EXPECT_EQ(simd::find_byte("key"sv, std::byte{'='}), 3u);
  EXPECT_EQ(simd::find_byte(byte_view{}, std::byte{'='}), 0u);
  EXPECT_EQ(simd::find_any_of("a long word, and another; and so on"sv, separators), 11u);
  EXPECT_EQ(simd::find_any_of("12345x"sv, ~byte_set{"0123456789"}), 5u);
  EXPECT_EQ(simd::find_any_of(byte_view{}, separators), 0u);
}

TEST(Simd, compares) {
  EXPECT_TRUE(simd::equal("the same text"sv, std::string{"the same text"}));
  EXPECT_FALSE(simd::equal("the same text"sv, "the same test"sv));
  EXPECT_FALSE(simd::equal("the same"sv, "the same text"sv));
  EXPECT_TRUE(simd::equal(byte_view{}, byte_view{}));
  EXPECT_TRUE(simd::starts_with("GET / HTTP/1.1"sv, "GET "sv));
  EXPECT_FALSE(simd::starts_with("GE"sv, "GET "sv));
  EXPECT_FALSE(simd::starts_with("PUT / HTTP/1.1"sv, "GET "sv));
}

TEST(Simd, copies_as_much_as_there_is) {
  std::string to = "aaaaaaaa";
  simd::copy(bytes_of(to), "bbb"sv);
  EXPECT_EQ(to, "bbbaaaaa");
  simd::copy(bytes_of(to), byte_view{});
  EXPECT_EQ(to, "bbbaaaaa");
}

// The masked "Hello" of RFC 6455, section 5.7.
TEST(Simd, masks_as_websockets_do) {
  constexpr std::array key{std::byte{0x37}, std::byte{0xfa}, std::byte{0x21}, std::byte{0x3d}};
  std::string text = "Hello";
  simd::xor_into(bytes_of(text), key);
  EXPECT_EQ(text, "\x7f\x9f\x4d\x51\x58");
  simd::xor_into(bytes_of(text), key);
  EXPECT_EQ(text, "Hello");
}

TEST(Simd, a_message_may_be_unmasked_in_parts) {
  constexpr std::array key{std::byte{1}, std::byte{20}, std::byte{30}, std::byte{40}};
  std::string message(1000, 'm');
  const std::string clear = message;
  simd::xor_into(bytes_of(message), key);
  std::size_t done = 0;
  for (std::size_t part = 1; done < message.size(); done += part, part = part * 3 % 101) {
    part = std::min(part, message.size() - done);
    simd::xor_into(bytes_of(message).subspan(done, part), key, done);
  }
  EXPECT_EQ(message, clear);
}

TEST(SimdDeathTest, what_does_not_fit_is_an_assertion) {
  std::string small = "ab";
  EXPECT_DEATH(simd::copy(bytes_of(small), "abc"sv), "no room");
  EXPECT_DEATH(simd::xor_into(bytes_of(small), "abc"sv), "more bytes");
}

// --- the choice

constexpr detail::cpu_features everything{true, true, true, true, true};

TEST(SimdChoice, is_the_best_that_there_is) {
  const auto all = detail::all_byte_kernels();
  EXPECT_EQ(detail::choose_byte_kernels("", everything).table, *(all.end() - 1));
  EXPECT_EQ(detail::choose_byte_kernels("", {}).table, &detail::byte_kernels_scalar);
  EXPECT_TRUE(detail::choose_byte_kernels("", {}).refused.empty());
}

TEST(SimdChoice, follows_WEFT_SIMD_where_it_can) {
  for (const byte_kernel_table* table : detail::all_byte_kernels()) {
    const auto chosen = detail::choose_byte_kernels(simd::name(table->level), everything);
    EXPECT_EQ(chosen.table, table);
    EXPECT_TRUE(chosen.refused.empty());
  }
}

TEST(SimdChoice, says_why_it_does_not_follow_and_takes_the_best) {
  const auto best = detail::choose_byte_kernels("", everything);
  const auto unknown = detail::choose_byte_kernels("mmx", everything);
  EXPECT_EQ(unknown.table, best.table);
  EXPECT_NE(unknown.refused.find("not one of scalar, sse2"), std::string_view::npos);
  const auto foreign = detail::choose_byte_kernels("neon", {});
  EXPECT_EQ(foreign.table, &detail::byte_kernels_scalar);
  EXPECT_NE(foreign.refused.find("does not have"), std::string_view::npos);
}

// meson runs this file once for each value of WEFT_SIMD.
TEST(SimdChoice, is_in_force_from_the_start) {
  const char* const wanted = std::getenv("WEFT_SIMD");
  const auto chosen =
      detail::choose_byte_kernels(wanted != nullptr ? wanted : "", detail::read_cpu_features());
  EXPECT_EQ(simd::in_use(), chosen.table->level);
  EXPECT_EQ(simd::refused(), chosen.refused);
  if (wanted != nullptr && chosen.refused.empty()) {
    EXPECT_EQ(simd::name(simd::in_use()), wanted);
  }
}

// --- sets

TEST(ByteSet, has_its_members_and_no_others) {
  const byte_set set{"\x01 az\x7f\x80\xff"};
  for (unsigned c = 0; c < 256; ++c) {
    const bool wanted = "\x01 az\x7f\x80\xff"sv.find(static_cast<char>(c)) != std::string_view::npos;
    EXPECT_EQ(set.contains(static_cast<std::byte>(c)), wanted) << c;
    EXPECT_EQ((~set).contains(static_cast<std::byte>(c)), !wanted) << c;
  }
}

TEST(ByteSet, is_made_at_compile_time_and_joined) {
  constexpr byte_set both = byte_set{"ab"} | byte_set{"bc"};
  static_assert(both == byte_set{"cba"});
  static_assert(!both.contains(std::byte{'d'}));
}

}  // namespace
}  // namespace weft

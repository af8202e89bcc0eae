// The byte kernels once, written over lanes: the registers of one instruction set.
//
// All of them end in the same way: the last, incomplete register's worth (or four) is done with whole
// registers that end where the data ends and overlap what is done already. No byte outside is touched, so
// data may end at the end of readable memory, and no loop over single bytes is needed. What is shorter than
// one register is done with a half as wide one, or with two overlapping words.
//
// Lanes gives: vector, width (of one vector, a multiple of 4), load, store, splat, splat_word (the four bytes
// of a word, again and again), exclusive_or, either (bitwise), nonzero (any bit set); match (which bytes
// match: a vector or a mask) with equal, both_matches (their union), any, first; byte_rows (a byte_set,
// prepared) and in_set; and one of half (lanes of half the width) and load_short (fewer bytes than a vector,
// and zeros). Vectors wider than 16 bytes without a half have store_short, too.
//
// Everything here has internal linkage on purpose: each variant must have its own copy, compiled for its own
// processor. For the same reason nothing of std is called; see byte_kernel_table.hpp. Little-endian only.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/runtime/base/byte_kernel_table.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft::detail {
namespace {

template <class Word>
WEFT_ALWAYS_INLINE Word load_word(const std::uint8_t* from) noexcept {
  Word w;
  __builtin_memcpy(&w, from, sizeof w);
  return w;
}

template <class Word>
WEFT_ALWAYS_INLINE void store_word(std::uint8_t* to, Word w) noexcept {
  __builtin_memcpy(to, &w, sizeof w);
}

/// Sixteen bytes.
struct word_pair {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

/// Fewer than sixteen bytes, and zeros behind them.
WEFT_ALWAYS_INLINE word_pair load_short_pair(const std::uint8_t* from, std::size_t n) noexcept {
  if (n >= 8) {
    const std::uint64_t low = load_word<std::uint64_t>(from);
    return {low, n == 8 ? 0 : load_word<std::uint64_t>(from + n - 8) >> 8 * (16 - n)};
  }
  if (n >= 4) {
    const std::uint64_t last = load_word<std::uint32_t>(from + n - 4);
    return {load_word<std::uint32_t>(from) | last << 8 * (n - 4), 0};
  }
  if (n == 0) return {};
  // One, two or three bytes: first, middle and last, some of which are the same.
  return {from[0] | std::uint64_t{from[n / 2]} << 8 * (n / 2) | std::uint64_t{from[n - 1]} << 8 * (n - 1), 0};
}

/// The key as it is `n` bytes further on.
WEFT_ALWAYS_INLINE std::uint32_t key_after(std::uint32_t key, std::size_t n) noexcept {
  const unsigned bits = static_cast<unsigned>(n % 4) * 8;
  return bits == 0 ? key : key >> bits | key << (32 - bits);
}

/// A block at `to`, changed by f(word, offset), with words that overlap; all is read before it is written.
template <class Change>
WEFT_ALWAYS_INLINE void change_short(std::uint8_t* to, std::size_t n, Change change) noexcept {
  if (n >= 8) {
    const auto first = change(load_word<std::uint64_t>(to), 0);
    const auto last = change(load_word<std::uint64_t>(to + n - 8), n - 8);
    store_word(to, first);
    store_word(to + n - 8, last);
  } else if (n >= 4) {
    const auto first = change(load_word<std::uint32_t>(to), 0);
    const auto last = change(load_word<std::uint32_t>(to + n - 4), n - 4);
    store_word(to, first);
    store_word(to + n - 4, last);
  } else {
    for (std::size_t i = 0; i < n; ++i) to[i] = change(to[i], i);
  }
}

/// How many bytes lie before the first aligned vector at or behind `at`. Loads and stores that cross a cache
/// line take twice as long, so that aligning pays from a few vectors on (bytes/find in 4 KiB that begin 16
/// bytes off: 53 GB/s, and 99 aligned).
template <class Lanes>
WEFT_ALWAYS_INLINE std::size_t bytes_to_alignment(const std::uint8_t* at) noexcept {
  return -reinterpret_cast<std::uintptr_t>(at) % Lanes::width;
}

template <class Lanes>
concept halved = requires { typename Lanes::half; };

template <class Lanes>
struct is_byte {
  explicit is_byte(std::uint8_t what) noexcept : what_{Lanes::splat(what)} {}
  WEFT_ALWAYS_INLINE auto operator()(typename Lanes::vector v) const noexcept {
    return Lanes::equal(v, what_);
  }
  typename Lanes::vector what_;
};

template <class Lanes>
struct is_in_set {
  explicit is_in_set(const std::uint8_t* rows) noexcept : rows_{rows} {}
  WEFT_ALWAYS_INLINE auto operator()(typename Lanes::vector v) const noexcept {
    return Lanes::in_set(v, rows_);
  }
  typename Lanes::byte_rows rows_;
};

template <class Lanes, template <class> class Wanted, class Argument>
WEFT_ALWAYS_INLINE std::size_t find(const std::uint8_t* in, std::size_t n, Argument argument) noexcept {
  constexpr std::size_t width = Lanes::width;
  if (n < width) {
    if constexpr (halved<Lanes>) {
      return find<typename Lanes::half, Wanted>(in, n, argument);
    } else {
      const auto match = Wanted<Lanes>{argument}(Lanes::load_short(in, n));
      if (!Lanes::any(match)) return n;
      const std::size_t at = Lanes::first(match);
      return at < n ? at : n;  // else one of the zeros
    }
  }
  const Wanted<Lanes> wanted{argument};
  if (n < 4 * width) {
    for (std::size_t i = 0; i + width < n; i += width) {
      const auto match = wanted(Lanes::load(in + i));
      if (Lanes::any(match)) return i + Lanes::first(match);
    }
    const auto match = wanted(Lanes::load(in + n - width));
    return Lanes::any(match) ? n - width + Lanes::first(match) : n;
  }
  const auto in_four = [&](const std::uint8_t* at) -> const std::uint8_t* {
    const auto a = wanted(Lanes::load(at)), b = wanted(Lanes::load(at + width));
    const auto c = wanted(Lanes::load(at + 2 * width)), d = wanted(Lanes::load(at + 3 * width));
    const auto all = Lanes::both_matches(Lanes::both_matches(a, b), Lanes::both_matches(c, d));
    if (!Lanes::any(all)) [[likely]]
      return nullptr;
    if (Lanes::any(a)) return at + Lanes::first(a);
    if (Lanes::any(b)) return at + width + Lanes::first(b);
    if (Lanes::any(c)) return at + 2 * width + Lanes::first(c);
    return at + 3 * width + Lanes::first(d);
  };
  const std::uint8_t *at = in, *const last_four = in + n - 4 * width;
  if (n >= 8 * width) {
    const auto match = wanted(Lanes::load(at));
    if (Lanes::any(match)) return Lanes::first(match);
    at += bytes_to_alignment<Lanes>(at);
  }
  for (; at < last_four; at += 4 * width)
    if (const std::uint8_t* const found = in_four(at)) return static_cast<std::size_t>(found - in);
  const std::uint8_t* const found = in_four(last_four);
  return found != nullptr ? static_cast<std::size_t>(found - in) : n;
}

template <class Lanes>
WEFT_ALWAYS_INLINE bool equal(const std::uint8_t* a, const std::uint8_t* b, std::size_t n) noexcept {
  constexpr std::size_t width = Lanes::width;
  const auto differs = [&](std::size_t i) {
    return Lanes::exclusive_or(Lanes::load(a + i), Lanes::load(b + i));
  };
  if (n < width) {
    if constexpr (halved<Lanes>) {
      return equal<typename Lanes::half>(a, b, n);
    } else if constexpr (width > 16) {
      return !Lanes::nonzero(Lanes::exclusive_or(Lanes::load_short(a, n), Lanes::load_short(b, n)));
    } else {
      const word_pair x = load_short_pair(a, n), y = load_short_pair(b, n);
      return ((x.low ^ y.low) | (x.high ^ y.high)) == 0;
    }
  }
  if (n < 4 * width) {
    for (std::size_t i = 0; i + width < n; i += width)
      if (Lanes::nonzero(differs(i))) return false;
    return !Lanes::nonzero(differs(n - width));
  }
  const auto four_differ = [&](std::size_t i) {
    const auto first_two = Lanes::either(differs(i), differs(i + width));
    const auto last_two = Lanes::either(differs(i + 2 * width), differs(i + 3 * width));
    return Lanes::nonzero(Lanes::either(first_two, last_two));
  };
  std::size_t i = 0;
  if (n >= 8 * width) {
    if (Lanes::nonzero(differs(0))) return false;
    i = bytes_to_alignment<Lanes>(a);
  }
  for (; i < n - 4 * width; i += 4 * width)
    if (four_differ(i)) [[unlikely]]
      return false;
  return !four_differ(n - 4 * width);
}

/// Writes n >= width bytes at `to`: the first and the last vector, which are given because they overlap with
/// their neighbours and must have been read before those are written; and between them at(i), for each i from
/// `lead` in steps of the width.
template <class Lanes, class At>
WEFT_ALWAYS_INLINE void write_blocks(std::uint8_t* to, std::size_t n, std::size_t lead, At at,
                                     typename Lanes::vector first, typename Lanes::vector last) noexcept {
  constexpr std::size_t width = Lanes::width;
  std::size_t i = lead;
  for (; n - i > 4 * width; i += 4 * width) {
    const auto a = at(i), b = at(i + width), c = at(i + 2 * width), d = at(i + 3 * width);
    Lanes::store(to + i, a);
    Lanes::store(to + i + width, b);
    Lanes::store(to + i + 2 * width, c);
    Lanes::store(to + i + 3 * width, d);
  }
  for (; n - i > width; i += width) Lanes::store(to + i, at(i));
  if (lead != 0) Lanes::store(to, first);
  Lanes::store(to + n - width, last);
}

template <class Lanes>
WEFT_ALWAYS_INLINE std::size_t lead_of(const std::uint8_t* to, std::size_t n) noexcept {
  return n >= 8 * Lanes::width ? bytes_to_alignment<Lanes>(to) : 0;
}

template <class Lanes>
WEFT_ALWAYS_INLINE void xor_into(std::uint8_t* to, const std::uint8_t* from, std::size_t n) noexcept {
  if (n >= Lanes::width) {
    const auto at = [to, from](std::size_t i) {
      return Lanes::exclusive_or(Lanes::load(to + i), Lanes::load(from + i));
    };
    write_blocks<Lanes>(to, n, lead_of<Lanes>(to, n), at, at(0), at(n - Lanes::width));
  } else if constexpr (halved<Lanes>) {
    xor_into<typename Lanes::half>(to, from, n);
  } else if constexpr (Lanes::width > 16) {
    Lanes::store_short(to, n, Lanes::exclusive_or(Lanes::load_short(to, n), Lanes::load_short(from, n)));
  } else {
    change_short(to, n, [from](auto word, std::size_t offset) {
      return static_cast<decltype(word)>(word ^ load_word<decltype(word)>(from + offset));
    });
  }
}

template <class Lanes>
WEFT_ALWAYS_INLINE void xor_key(std::uint8_t* data, std::size_t n, std::uint32_t key) noexcept {
  if (n >= Lanes::width) {
    // All vectors between the first and the last one begin equally far into the key.
    const std::size_t lead = lead_of<Lanes>(data, n);
    const auto mask = Lanes::splat_word(key_after(key, lead));
    const auto masked = [](const std::uint8_t* at, typename Lanes::vector by) {
      return Lanes::exclusive_or(Lanes::load(at), by);
    };
    write_blocks<Lanes>(
        data, n, lead, [&](std::size_t i) { return masked(data + i, mask); },
        masked(data, Lanes::splat_word(key)),
        masked(data + n - Lanes::width, Lanes::splat_word(key_after(key, n))));
  } else if constexpr (halved<Lanes>) {
    xor_key<typename Lanes::half>(data, n, key);
  } else if constexpr (Lanes::width > 16) {
    Lanes::store_short(data, n, Lanes::exclusive_or(Lanes::load_short(data, n), Lanes::splat_word(key)));
  } else {
    change_short(data, n, [key](auto word, std::size_t offset) {
      const std::uint64_t shifted = key_after(key, offset);
      return static_cast<decltype(word)>(word ^ (shifted | shifted << 32));
    });
  }
}

template <class Lanes>
WEFT_ALWAYS_INLINE void copy(std::uint8_t* to, const std::uint8_t* from, std::size_t n) noexcept {
  if (n >= Lanes::width) {
    const auto at = [from](std::size_t i) { return Lanes::load(from + i); };
    write_blocks<Lanes>(to, n, lead_of<Lanes>(to, n), at, at(0), at(n - Lanes::width));
  } else if constexpr (halved<Lanes>) {
    copy<typename Lanes::half>(to, from, n);
  } else if constexpr (Lanes::width > 16) {
    Lanes::store_short(to, n, Lanes::load_short(from, n));
  } else {
    change_short(to, n,
                 [from](auto word, std::size_t offset) { return load_word<decltype(word)>(from + offset); });
  }
}

/// Addresses for a table: one function of each kernel, for these lanes.
template <class Lanes>
struct byte_kernels_over {
  static void copy(std::uint8_t* to, const std::uint8_t* from, std::size_t n) noexcept {
    if (n > copy_by_hand_max) __builtin_memcpy(to, from, n);
    else detail::copy<Lanes>(to, from, n);
  }
  static bool equal(const std::uint8_t* a, const std::uint8_t* b, std::size_t n) noexcept {
    return detail::equal<Lanes>(a, b, n);
  }
  static void xor_into(std::uint8_t* to, const std::uint8_t* from, std::size_t n) noexcept {
    detail::xor_into<Lanes>(to, from, n);
  }
  static void xor_key(std::uint8_t* data, std::size_t n, std::uint32_t key) noexcept {
    detail::xor_key<Lanes>(data, n, key);
  }
  static std::size_t find_byte(const std::uint8_t* in, std::size_t n, std::uint8_t what) noexcept {
    return detail::find<Lanes, is_byte>(in, n, what);
  }
  static std::size_t find_any_of(const std::uint8_t* in, std::size_t n, const std::uint8_t* rows) noexcept {
    return detail::find<Lanes, is_in_set>(in, n, rows);
  }

  // The C library knows the caches' sizes and when to go round them; below, its own choosing shows.
  static constexpr std::size_t copy_by_hand_max = 2048;  // a guess
};

}  // namespace
}  // namespace weft::detail

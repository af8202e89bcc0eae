// The byte kernels beside what the C library has, and beside a plain loop where it has nothing: gigabytes per
// second, counting each byte that is looked at once.
//
// 4 KiB is a block that lies in the first cache; 64 bytes is a header field, where the call itself counts.
// What is sought is not there, and what is compared is equal, so that all of it is looked at. Rows named *_64
// take another place in 4 KiB each time, at all alignments.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include <weft/runtime/base/byte_kernels.hpp>

#include "harness.hpp"

namespace {

constexpr std::size_t block = 4096;

// The compiler must not know what lies in memory, nor that nobody looks at a result.
template <class T>
void keep(const T& value) {
  asm volatile("" : : "g"(value) : "memory");
}

// Called as the kernels are, through a pointer, so that the compiler does not put another function into its
// place for a length that it knows.
struct {
  void* (*volatile copy)(void*, const void*, std::size_t) = std::memcpy;
  int (*volatile compare)(const void*, const void*, std::size_t) = std::memcmp;
  const void* (*volatile find)(const void*, int, std::size_t) = std::memchr;
} c_library;

// f(first, second, n) over n bytes at a time.
template <std::size_t N, class F>
bench::sample over(std::uint64_t operations, F f) {
  // Not 4 KiB apart, or each load would wait for a store that seems to go to the same place.
  std::vector<std::byte> memory(6 * block, std::byte{'a'});
  std::byte *const first = memory.data(), *const second = first + 3 * block + 512;
  const std::uint64_t rounds = operations / N + 1;
  std::size_t at = 0;
  const bench::stopwatch watch;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    f(first + at, second + at, N);
    if constexpr (N < block) at = (at + 67) % block;
  }
  return watch.stop(rounds * N);
}

template <std::size_t N>
bench::sample find(std::uint64_t operations) {
  return over<N>(operations, [](std::byte* in, std::byte*, std::size_t n) {
    keep(weft::simd::find_byte({in, n}, std::byte{'x'}));
  });
}
template <std::size_t N>
bench::sample find_memchr(std::uint64_t operations) {
  return over<N>(operations,
                 [](std::byte* in, std::byte*, std::size_t n) { keep(c_library.find(in, 'x', n)); });
}

constexpr weft::byte_set some{"\r\n\t \"&<>"};

template <std::size_t N>
bench::sample find_any_of(std::uint64_t operations) {
  return over<N>(operations, [](std::byte* in, std::byte*, std::size_t n) {
    keep(weft::simd::find_any_of({in, n}, some));
  });
}
template <std::size_t N>
bench::sample find_any_of_loop(std::uint64_t operations) {
  return over<N>(operations, [](std::byte* in, std::byte*, std::size_t n) {
    std::size_t i = 0;
    while (i < n && !some.contains(in[i])) ++i;
    keep(i);
  });
}

template <std::size_t N>
bench::sample equal(std::uint64_t operations) {
  return over<N>(operations,
                 [](std::byte* a, std::byte* b, std::size_t n) { keep(weft::simd::equal({a, n}, {b, n})); });
}
template <std::size_t N>
bench::sample equal_memcmp(std::uint64_t operations) {
  return over<N>(operations,
                 [](std::byte* a, std::byte* b, std::size_t n) { keep(c_library.compare(a, b, n)); });
}

constexpr std::array key{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};

template <std::size_t N>
bench::sample mask(std::uint64_t operations) {
  return over<N>(operations, [](std::byte* data, std::byte*, std::size_t n) {
    weft::simd::xor_into({data, n}, key);
    keep(data);
  });
}
// As RFC 6455 writes it; the compiler may use the vectors that every x86-64 has.
template <std::size_t N>
bench::sample mask_loop(std::uint64_t operations) {
  return over<N>(operations, [](std::byte* data, std::byte*, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) data[i] ^= key[i % 4];
    keep(data);
  });
}

template <std::size_t N>
bench::sample copy(std::uint64_t operations) {
  return over<N>(operations, [](std::byte* from, std::byte* to, std::size_t n) {
    weft::simd::copy({to, n}, {from, n});
    keep(to);
  });
}
template <std::size_t N>
bench::sample copy_memcpy(std::uint64_t operations) {
  return over<N>(operations, [](std::byte* from, std::byte* to, std::size_t n) {
    c_library.copy(to, from, n);
    keep(to);
  });
}

constexpr bench::row_options bytes{.bytes = true};

const int rows[] = {
    bench::time_row("bytes/find", find<block>, bytes),
    bench::time_row("bytes/find_memchr", find_memchr<block>, bytes),
    bench::time_row("bytes/find_64", find<64>, bytes),
    bench::time_row("bytes/find_64_memchr", find_memchr<64>, bytes),
    bench::time_row("bytes/find_any_of", find_any_of<block>, bytes),
    bench::time_row("bytes/find_any_of_loop", find_any_of_loop<block>, bytes),
    bench::time_row("bytes/find_any_of_64", find_any_of<64>, bytes),
    bench::time_row("bytes/find_any_of_64_loop", find_any_of_loop<64>, bytes),
    bench::time_row("bytes/equal", equal<block>, bytes),
    bench::time_row("bytes/equal_memcmp", equal_memcmp<block>, bytes),
    bench::time_row("bytes/equal_64", equal<64>, bytes),
    bench::time_row("bytes/equal_64_memcmp", equal_memcmp<64>, bytes),
    bench::time_row("bytes/xor", mask<block>, bytes),
    bench::time_row("bytes/xor_loop", mask_loop<block>, bytes),
    bench::time_row("bytes/xor_64", mask<64>, bytes),
    bench::time_row("bytes/xor_64_loop", mask_loop<64>, bytes),
    bench::time_row("bytes/copy", copy<block>, bytes),
    bench::time_row("bytes/copy_memcpy", copy_memcpy<block>, bytes),
    bench::time_row("bytes/copy_64", copy<64>, bytes),
    bench::time_row("bytes/copy_64_memcpy", copy_memcpy<64>, bytes),
    bench::time_row("bytes/copy_1k", copy<1024>, bytes),
    bench::time_row("bytes/copy_1k_memcpy", copy_memcpy<1024>, bytes),
};

}  // namespace

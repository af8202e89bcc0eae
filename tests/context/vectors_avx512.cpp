#include "vectors.hpp"

namespace weft::test {

using vector [[gnu::vector_size(64)]] = double;

bool hold_vectors_avx512(detail::context& from, detail::context& to, int seed) {
  return hold_vectors<vector, 40>(from, to, seed, [](vector& v) __attribute__((always_inline)) {
    asm volatile("" : "+v"(v));
  });
}

bool hold_masks_avx512(detail::context& from, detail::context& to, int seed) {
  using all = std::make_index_sequence<10>;
  unsigned short masks[10];
  const auto forget = [&](std::size_t i) __attribute__((always_inline)) {
    asm volatile("" : "+Yk"(masks[i]));
  };
  const auto fill = [&](std::size_t i) __attribute__((always_inline)) {
    masks[i] = static_cast<unsigned short>(static_cast<std::size_t>(seed) + i);
    forget(i);
  };
  each(fill, all{});
  for (int round = 0; round < 10; ++round) {
    detail::context_switch(from, to);
    each(forget, all{});
  }
  bool held = true;
  const auto check = [&](std::size_t i) __attribute__((always_inline)) {
    held = held && masks[i] == static_cast<unsigned short>(static_cast<std::size_t>(seed) + i);
  };
  each(check, all{});
  return held;
}

}  // namespace weft::test

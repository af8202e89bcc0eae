#include "vectors.hpp"

namespace weft::test {

using vector [[gnu::vector_size(16)]] = double;

bool hold_vectors_128(detail::context& from, detail::context& to, int seed) {
  return hold_vectors<vector, 40>(from, to, seed, [](vector& v) __attribute__((always_inline)) {
#if defined(__x86_64__)
    asm volatile("" : "+x"(v));
#elif defined(__aarch64__)
    asm volatile("" : "+w"(v));
#else
    asm volatile("" : "+m"(v));
#endif
  });
}

}  // namespace weft::test

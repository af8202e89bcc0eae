#include "vectors.hpp"

namespace weft::test {

using vector [[gnu::vector_size(32)]] = double;

bool hold_vectors_avx2(detail::context& from, detail::context& to, int seed) {
  return hold_vectors<vector, 20>(from, to, seed, [](vector& v) __attribute__((always_inline)) {
    asm volatile("" : "+x"(v));
  });
}

}  // namespace weft::test

// All variants of the byte kernels that this processor runs must do the same, up to a page that cannot be
// read.
//
// The input: how far before the page's end the data ends, what is sought, a key, how many bytes form a set,
// those, the data.
#include <weft/runtime/base/byte_kernels.hpp>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <guarded_memory.hpp>

using weft::detail::byte_kernel_table;

namespace {

constexpr std::size_t data_max = 8192;

struct place {
  weft_test::guarded_memory memory{data_max};
  std::uint8_t* put(const std::uint8_t* data, std::size_t n, std::size_t before_end) {
    std::uint8_t* const at = memory.at_end(n + before_end);
    if (n != 0) std::memcpy(at, data, n);
    return at;
  }
};

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static place first, second, plain;
  static const weft::detail::cpu_features here = weft::detail::read_cpu_features();
  if (size < 7) return 0;
  const std::size_t before_end = data[0] % 65;
  const std::uint8_t what = data[1];
  std::uint32_t key;
  std::memcpy(&key, data + 2, 4);
  const std::size_t members = data[6] % 8;
  if (size < 7 + members) return 0;
  weft::byte_set set;
  for (std::size_t i = 0; i < members; ++i) set.add(static_cast<std::byte>(data[7 + i]));
  data += 7 + members;
  const std::size_t n = size - 7 - members;
  if (n + before_end > data_max) return 0;

  const byte_kernel_table& scalar = weft::detail::byte_kernels_scalar;
  for (const byte_kernel_table* variant : weft::detail::all_byte_kernels()) {
    if (!here.has(variant->level)) continue;
    std::uint8_t* const a = first.put(data, n, before_end);
    std::uint8_t* const b = second.put(data, n, (before_end * 7) % 65);
    std::uint8_t* const c = plain.put(data, n, 0);
    require(variant->find_byte(a, n, what) == scalar.find_byte(c, n, what));
    require(variant->find_any_of(a, n, set.rows()) == scalar.find_any_of(c, n, set.rows()));
    require(variant->equal(a, b, n));
    variant->xor_key(b, n, key);
    scalar.xor_key(c, n, key);
    require(scalar.equal(b, c, n));
    require(variant->equal(a, b, n) == scalar.equal(a, c, n));
    variant->xor_into(b, a, n);
    scalar.xor_into(c, a, n);
    require(scalar.equal(b, c, n));
    variant->copy(b, a, n);
    require(scalar.equal(a, b, n));
  }
  return 0;
}

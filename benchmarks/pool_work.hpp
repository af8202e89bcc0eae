// The work of the pool/ rows, the same for weft and for the allocators beside it. One operation is a block
// that is taken, written to, and given back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "harness.hpp"

namespace bench {

/// The compiler must think that somebody reads it.
inline void use(void* memory) noexcept { asm volatile("" : : "r"(memory) : "memory"); }

/// What pool/object makes: 200 bytes, of which the constructor writes 16.
struct object {
  explicit object(std::uint64_t n) noexcept : number{n}, self{this} {}

  std::uint64_t number;
  object* self;
  std::byte rest[184];
};

/// One after the other.
template <class Take, class Give>
sample one_by_one(std::uint64_t operations, Take take, Give give) {
  const stopwatch watch;
  for (std::uint64_t i = 0; i < operations; ++i) {
    auto block = take(i);
    use(&*block);
    give(block);
  }
  return watch.stop(operations);
}

/// 32 at a time, as a request does that needs several: taken one by one, and given back in the same order.
template <class Take, class Give>
sample in_bursts(std::uint64_t operations, Take take, Give give) {
  constexpr std::size_t burst = 32;
  std::array<decltype(take(0)), burst> held{};
  const stopwatch watch;
  std::uint64_t done = 0;
  for (; done < operations; done += burst) {
    for (auto& block : held) {
      block = take(done);
      use(&*block);
    }
    for (auto& block : held) give(block);
  }
  return watch.stop(done);
}

}  // namespace bench

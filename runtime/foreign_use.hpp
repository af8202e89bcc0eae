// Which primitives foreign threads have used, as far as that can be seen: one has waited there, or has woken
// a fiber that did. For the census, which says nothing of fibers that such a thread may wake again.
//
// A mark per primitive, found by its address. Some addresses share a mark, and what lies where another
// primitive was has its mark too: so the census may be silent where it could speak, never the other way
// round. All is forgotten when the last runtime ends.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <weft/runtime/base/atomic.hpp>

namespace weft::detail {

class foreign_use {
 public:
  foreign_use() = delete;

  /// Any thread. Null: of no primitive; nothing happens.
  static void note(const void* primitive) noexcept {
    if (primitive == nullptr) return;
    marks[index(primitive)].set(true);
    any.set(true);
  }

  static bool noted(const void* primitive) noexcept {
    return primitive != nullptr && marks[index(primitive)].get();
  }

  /// Keeps the marks while it lives: one per runtime.
  class keeper {
   public:
    keeper() noexcept;
    keeper(const keeper&) = delete;
    keeper& operator=(const keeper&) = delete;
    ~keeper();
  };

 private:
  static constexpr unsigned index_bits = 12;  // 4 KiB; a guess

  static std::size_t index(const void* primitive) noexcept {
    constexpr std::uint64_t golden = 0x9e3779b97f4a7c15;  // Knuth's multiplicative hash
    const std::uint64_t address = reinterpret_cast<std::uintptr_t>(primitive);
    return static_cast<std::size_t>(address * golden >> (64 - index_bits));
  }

  static constinit std::array<exposed<bool>, std::size_t{1} << index_bits> marks;
  static constinit exposed<bool> any;  // there may be marks to forget
};

}  // namespace weft::detail

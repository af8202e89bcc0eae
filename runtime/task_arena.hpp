// Memory that is given back all at once: allocating moves a pointer, freeing does nothing, and the end of the
// arena, or of its task, frees everything.
//
//   auto& arena = weft::task_arena::here();           // this fiber's; it goes when the fiber ends
//   std::pmr::vector<std::string_view> words{&arena};
//   header& h = arena.make<header>("Host");           // destroyed with the arena
//
// Memory comes in blocks of pools that all arenas share: one of 4 KiB, then as many of 64 KiB as are needed;
// what would take more than half of such a block is allocated by itself.
#pragma once

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <type_traits>
#include <utility>

#include <weft/pools/sanitizer.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft {

/// Of one fiber or thread at a time.
class task_arena final : public std::pmr::memory_resource {
 public:
  /// Takes no memory before the first allocation.
  task_arena() = default;
  task_arena(const task_arena&) = delete;
  task_arena& operator=(const task_arena&) = delete;
  ~task_arena() override { reset(); }

  /// The arena of the calling fiber or thread; made on the first call, and freed on that fiber when its body
  /// is over. What its task returns must not lie in it. Cost: that of fiber_local.
  static task_arena& here();

  /// Makes a T of the arguments, which lives as long as what the arena holds.
  template <class T, class... A>
  T& make(A&&... arguments) {
    if constexpr (std::is_trivially_destructible_v<T>) {
      return *std::construct_at(static_cast<T*>(allocate(sizeof(T), alignof(T))),
                                std::forward<A>(arguments)...);
    } else {
      auto* const room = static_cast<with_end<T>*>(allocate(sizeof(with_end<T>), alignof(with_end<T>)));
      T* const object = std::construct_at(reinterpret_cast<T*>(room->object), std::forward<A>(arguments)...);
      room->older = newest_;
      room->destroy = [](end& e) noexcept {
        std::destroy_at(reinterpret_cast<T*>(static_cast<with_end<T>&>(e).object));
      };
      newest_ = room;
      return *object;
    }
  }

  /// Destroys what make() made, newest first, and frees all memory.
  void reset() noexcept;

  /// What is taken from the pools, the rest of the blocks included.
  std::size_t bytes_held() const noexcept { return held_; }

 private:
  /// Stands before an object that has a destructor.
  struct end {
    end* older;
    void (*destroy)(end& self) noexcept;
  };
  template <class T>
  struct with_end : end {
    alignas(T) std::byte object[sizeof(T)];
  };

  /// The head of a block.
  struct alignas(std::max_align_t) chunk {
    chunk* older;
    std::size_t bytes;
    std::size_t alignment;  // of a block that was allocated by itself; 0: it is from a pool
  };

  WEFT_ALWAYS_INLINE void* bump(std::size_t bytes, std::size_t alignment) noexcept {
    void* at = free_;
    std::size_t left = left_;
    if (std::align(alignment, bytes, at, left) == nullptr) return nullptr;
    free_ = static_cast<std::byte*>(at) + bytes;
    left_ = left - bytes;
    detail::unpoison(static_cast<std::byte*>(at), bytes);
    return at;
  }

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (void* const at = bump(bytes, alignment)) [[likely]]
      return at;
    return allocate_slow(bytes, alignment);
  }
  void do_deallocate(void*, std::size_t, std::size_t) override {}
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  WEFT_NOINLINE void* allocate_slow(std::size_t bytes, std::size_t alignment);
  void* allocate_alone(std::size_t bytes, std::size_t alignment);

  std::byte* free_ = nullptr;  // of the newest block of a pool
  std::size_t left_ = 0;
  chunk* chunks_ = nullptr;  // newest first
  end* newest_ = nullptr;
  std::size_t held_ = 0;
};

}  // namespace weft

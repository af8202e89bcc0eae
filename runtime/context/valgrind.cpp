// Which stacks valgrind knows, by address: a context has no room for the id, and only runs under valgrind pay
// for the map.
#include <weft/runtime/context/valgrind.hpp>

#include <cstdint>
#include <iterator>
#include <map>
#include <mutex>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>

namespace weft::detail {
namespace {

struct registered_stack {
  std::uintptr_t end;
  unsigned id;
};

struct registry {
  std::mutex lock;
  std::map<std::uintptr_t, registered_stack> by_base;

  /// Forgets every stack that overlaps [begin, end).
  void forget(std::uintptr_t begin, std::uintptr_t end) {
    auto next = by_base.upper_bound(begin);
    if (next != by_base.begin() && std::prev(next)->second.end > begin) --next;
    while (next != by_base.end() && next->first < end) {
      VALGRIND_STACK_DEREGISTER(next->second.id);
      next = by_base.erase(next);
    }
  }
};

/// Never destroyed: other threads may still end fibers while the process exits.
registry& stacks() {
  static registry& instance = *new registry;
  return instance;
}

}  // namespace

const bool running_on_valgrind = [] { return RUNNING_ON_VALGRIND != 0; }();

void valgrind_register_stack(std::byte* base, std::size_t size) noexcept {
  const auto begin = reinterpret_cast<std::uintptr_t>(base);
  const std::scoped_lock held(stacks().lock);
  stacks().forget(begin, begin + size);
  const unsigned id = VALGRIND_STACK_REGISTER(base, base + size - 1);
  stacks().by_base[begin] = {begin + size, id};
}

void valgrind_forget_stack(const void* inside) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(inside);
  const std::scoped_lock held(stacks().lock);
  stacks().forget(address, address + 1);
}

}  // namespace weft::detail

#else

namespace weft::detail {

const bool running_on_valgrind = false;
void valgrind_register_stack(std::byte*, std::size_t) noexcept {}
void valgrind_forget_stack(const void*) noexcept {}

}  // namespace weft::detail

#endif

#include <weft/runtime/preempt/own_text.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include <link.h>

#include <weft/runtime/base/atomic.hpp>

namespace weft::detail {
namespace {

struct range {
  std::uintptr_t begin = 0, end = 0;
};

struct text_map {
  std::array<range, 8> ranges{};  // more would be an odd executable, the rest of which is not preempted
  std::size_t count = 0;

  static int see(dl_phdr_info* object, std::size_t, void* out) noexcept {
    auto& map = *static_cast<text_map*>(out);
    for (const ElfW(Phdr) & segment : std::span{object->dlpi_phdr, object->dlpi_phnum}) {
      if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0 || map.count == map.ranges.size())
        continue;
      const std::uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
      map.ranges[map.count++] = {begin, begin + segment.p_memsz};
    }
    return 1;  // the main executable comes first, and is all
  }

  text_map() noexcept { dl_iterate_phdr(see, this); }
};

const text_map& own() noexcept {
  static const text_map map;
  return map;
}

constinit atomic<const text_map*> known{nullptr};  // written before any handler is in place, by each runtime

}  // namespace

void read_own_text() noexcept { known.store(&own(), std::memory_order_release); }

bool in_own_text(std::uintptr_t address) noexcept {
  const text_map* const map = known.load(std::memory_order_acquire);
  return map != nullptr && std::ranges::any_of(std::span{map->ranges}.first(map->count), [&](const range& r) {
           return address >= r.begin && address < r.end;
         });
}

}  // namespace weft::detail

#include <weft/runtime/inspect/debugger_table.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <weft/pools/slab.hpp>
#include <weft/runtime/describe.hpp>
#include <weft/runtime/fiber.hpp>
#include <weft/runtime/inspect/unwind.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::detail {

// Numbers of 64 bits, in this order, which tools/gdb/weft.py repeats: new ones go to the end.
struct debugger_words {
  std::uint64_t magic = 0;  // written last
  std::uint64_t words = sizeof(debugger_words) / sizeof(std::uint64_t);
  std::uint64_t blocks;  // address of the slab_depot of the control blocks
  std::uint64_t block_bytes;
  std::uint64_t first_region, slab_blocks, next_region, slab_bytes, first_slab, carved_slabs;
  std::uint64_t state, home, id, site, name, named, level, stack_size, stack, where, why,
      waiting;                                               // in a fiber
  std::uint64_t running, index;                              // in a worker
  std::uint64_t boost;                                       // 1: Boost.Context switches
  std::uint64_t jump_pc, jump_frame, jump_base, jump_bytes;  // where jump_fcontext() leaves registers
  std::uint64_t reasons, reasons_count;                      // std::string_views
  std::uint64_t outcome;                                     // in a fiber: parker's word
};

// In a section of its own, so that it is found in a program without symbols.
extern "C" {
[[gnu::used, gnu::visibility("default"),
  gnu::section("weft_debugger")]] constinit debugger_words weft_debugger_table{};
}

namespace {

// A pointer to a data member is its offset (Itanium C++ ABI, all we build on).
template <class Member, class Class>
std::uint64_t offset(Member Class::* member) noexcept {
  return static_cast<std::uint64_t>(std::bit_cast<std::ptrdiff_t>(member));
}

std::uint64_t address(const void* p) noexcept { return reinterpret_cast<std::uintptr_t>(p); }

// The word is the first member of a parker, and has its address.
std::uint64_t offset_of_outcome() noexcept {
  static_assert(std::is_standard_layout_v<parker>);
  alignas(fiber) static constexpr std::byte memory[sizeof(fiber)]{};  // no fiber is made in it
  const auto* const f = reinterpret_cast<const fiber*>(memory);
  return address(static_cast<const parker*>(f)) - address(f);
}

}  // namespace

class debugger_table {
 public:
  static void fill(debugger_words& t) noexcept {
    const slab_depot::layout l = slab_depot::layout_for_debuggers();
    t.blocks = address(&process_slabs<sizeof(fiber)>());
    t.block_bytes = sizeof(fiber);
    t.first_region = l.first_region;
    t.slab_blocks = l.slab_blocks;
    t.next_region = l.next_region;
    t.slab_bytes = l.slab_bytes;
    t.first_slab = l.first_slab;
    t.carved_slabs = l.carved_slabs;
    t.state = offset(&fiber::state);
    t.home = offset(&fiber::home);
    t.id = offset(&fiber::id);
    t.site = offset(&fiber::site);
    t.name = offset(&fiber::name);
    t.named = offset(&fiber::named);
    t.level = offset(&fiber::level);
    t.stack_size = offset(&fiber::stack_size);
    t.stack = offset(&fiber::stack);
    t.where = offset(&fiber::where);
    t.why = offset(&fiber::why);
    t.waiting = offset(&fiber::waiting);
    t.running = offset(&worker::running_);
    t.index = offset(&worker::index_);
    t.boost = WEFT_CONTEXT_BOOST;
    t.jump_pc = jump_frame.program_counter;
    t.jump_frame = jump_frame.frame_pointer;
    t.jump_base = jump_frame.base;
    t.jump_bytes = jump_frame.size;
    const auto reasons = all_that_is_awaited();
    t.reasons = address(reasons.data());
    t.reasons_count = reasons.size();
    t.outcome = offset_of_outcome();
    signal_fence(std::memory_order_release);
    t.magic = 0x3174'6665'7767'6462;  // bdgweft1
  }
};

void show_fibers_to_debuggers() noexcept {
  [[maybe_unused]] static const bool once = (debugger_table::fill(weft_debugger_table), true);
}

}  // namespace weft::detail

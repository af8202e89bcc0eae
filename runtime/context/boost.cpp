// How a fresh stack finds its entry under Boost.
//
// make_fcontext() takes a function but no argument, and jump_fcontext() brings the address of the `sp` that
// was left, not of the one that was entered. So the entry lies at the top of the stack, a fixed distance
// above the context that make_fcontext() answers, and switch_stack() lends us that context in `from`.
#include <weft/runtime/context/boost.hpp>

#include <cstdint>
#include <cstdlib>

#include <weft/runtime/base/assert.hpp>

// "Nothing called this function": where backtraces end. make_fcontext() of Boost 1.81 lets them run on into
// nowhere.
#if defined(__x86_64__)
#define WEFT_CONTEXT_OUTERMOST asm volatile(".cfi_undefined rip")
#elif defined(__aarch64__)
#define WEFT_CONTEXT_OUTERMOST asm volatile(".cfi_undefined x30")
#else
#define WEFT_CONTEXT_OUTERMOST static_cast<void>(0)
#endif

namespace weft::detail {
namespace {

using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

struct top_words {
  context_entry entry;
  void* aligned = nullptr;
};
static_assert(sizeof(top_words) == 16);

[[noreturn]] void start(transfer_t came) noexcept;

/// From the context that make_fcontext() answers up to the (aligned) top it was given: a property of the
/// processor.
std::ptrdiff_t measure_distance() noexcept {
  alignas(16) static std::byte probe[512];
  std::byte* top = probe + sizeof(probe);
  return top - static_cast<std::byte*>(make_fcontext(top, sizeof(probe), start));
}
const std::ptrdiff_t distance = measure_distance();

void start(transfer_t came) noexcept {
  WEFT_CONTEXT_OUTERMOST;
  suspended& from = *static_cast<suspended*>(came.data);
  const auto* words = reinterpret_cast<const top_words*>(static_cast<std::byte*>(from.sp) + distance);
  from.sp = came.fctx;
  stack_annotation::arrive_first();
  words->entry();
  std::abort();
}

}  // namespace

suspended prepare_stack(std::byte* base, std::size_t size, context_entry entry) noexcept {
  const auto end = (reinterpret_cast<std::uintptr_t>(base) + size) & ~std::uintptr_t{15};
  auto* words = reinterpret_cast<top_words*>(end) - 1;
  *words = {entry};
  void* made = make_fcontext(words, size - sizeof(top_words), start);
  WEFT_ASSERT(reinterpret_cast<std::byte*>(words) - static_cast<std::byte*>(made) == distance,
              "a stack was created by a static initialiser");
  return {made};
}

}  // namespace weft::detail

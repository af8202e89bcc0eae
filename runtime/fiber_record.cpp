#include <weft/runtime/fiber_record.hpp>

namespace weft::detail {

[[gnu::no_sanitize_thread]] WEFT_NOINLINE bool read_record(const fiber& f, fiber_record& out) noexcept {
  out.state = f.state.load(std::memory_order_acquire);
  if (out.state != fiber_state::unstarted && out.state != fiber_state::started) return false;
  out.id = f.id;
  out.site = f.site;
  out.level = f.level;
  out.stack_size = f.stack_size;
  const bool named = f.named;
  const volatile char* const name = f.name;
  for (std::size_t i = 0; i < fiber::name_size; ++i) out.name[i] = named ? name[i] : '\0';
  out.name.back() = '\0';
  fence(std::memory_order_acquire);
  return f.id == out.id && f.state.load(std::memory_order_relaxed) == out.state;
}

[[gnu::no_sanitize_thread]] WEFT_NOINLINE fiber_id read_id(const fiber& f) noexcept { return f.id; }

}  // namespace weft::detail

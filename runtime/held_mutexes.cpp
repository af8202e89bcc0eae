#include <weft/runtime/held_mutexes.hpp>

#include <cstdint>
#include <string>
#include <utility>

#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/describe.hpp>
#include <weft/runtime/inspect/symbols.hpp>
#include <weft/runtime/preempt/hog_watch.hpp>
#include <weft/runtime/scheduler.hpp>

namespace weft::detail {
namespace {

void report(worker& here, const fiber& of, const held_mutexes& held) {
  static constinit thread_local report_rate rate;
  if (!rate.admit(steady_ns())) return;
  std::string text = description_of(of) + " suspends while it holds ";
  text += held.count == 1 ? "a std::mutex" : std::to_string(held.count) + " of std::mutex";
  text += "; use weft::mutex, or unlock before\n  locked at ";
  symbolizer names;
  text += names.find(reinterpret_cast<std::uintptr_t>(held.locked_at) - 1).text();
  if (const std::uint64_t n = rate.take_suppressed(); n != 0)
    text += "\n  (" + std::to_string(n) + " more such suspensions were not reported)";
  here.owner().report(text);
}

}  // namespace

// On the thread's stack: a fiber's is too small for names.
void report_held_mutexes(worker& here, fiber& self) noexcept {
  struct call {
    worker& here;
    const fiber& of;
    held_mutexes held;
  } c{here, self, std::exchange(held_here, {})};
  here.call_on_thread_stack(
      self,
      [](void* p) noexcept {
        const call& made = *static_cast<call*>(p);
        report(made.here, made.of, made.held);
      },
      &c);
}

}  // namespace weft::detail

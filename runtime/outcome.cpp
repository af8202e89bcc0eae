#include <weft/runtime/outcome.hpp>

#include <utility>

#include <weft/pools/slab.hpp>
#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/body.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::detail {

const outcome_operations thrown_outcome = operations_of<std::exception_ptr>;

bool has_failed(const fiber& f) noexcept {
  if (f.outcome == nullptr) return false;
  if (has_thrown(f)) return true;
  const std::error_code error = f.outcome->error(f);
  return error && error != errc::canceled;
}

void report_and_release(fiber& f) noexcept {
  if (has_failed(f)) {
    worker* const here = worker::current();
    const auto report = [](void* p) noexcept { scheduler::report_if_alive(*static_cast<fiber*>(p)); };
    if (here != nullptr && here->running() != nullptr)
      here->call_on_thread_stack(*here->running(), report, &f);
    else report(&f);
  }
  release_fiber(f);
}

void release_fiber_slow(fiber& f) noexcept {
  if (f.outcome != nullptr) f.outcome->drop(f);
  if (std::stop_source* const source = f.stop_source.load(std::memory_order_relaxed)) [[unlikely]]
    delete source;
  constexpr std::uint64_t on_its_way = fiber::posted;
  if ((f.control.load(std::memory_order_acquire) & (fiber::posted | fiber::delivered)) == on_its_way)
      [[unlikely]] {
    // A stop is on its way to the block: whoever comes second, it or we, gives it back.
    if ((f.control.fetch_or(fiber::released, std::memory_order_acq_rel) & fiber::delivered) == 0) return;
  }
  if (worker* const here = worker::current()) return here->release(f);
  f.state.store(fiber_state::free, std::memory_order_relaxed);
  process_slabs<sizeof(fiber)>().give(&f);
}

}  // namespace weft::detail

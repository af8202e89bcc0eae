#include <weft/runtime/stop.hpp>

#include <weft/runtime/base/asymmetric_fence.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::detail {

namespace {

// Sets `bits` unless the fiber has ended, or one of `unless` is set.
bool mark(fiber& f, std::uint64_t bits, std::uint64_t unless) noexcept {
  std::uint64_t seen = f.control.load(std::memory_order_acquire);
  do {
    if ((seen & (unless | fiber::ended)) != 0) return false;
  } while (!f.control.compare_exchange_weak(seen, seen | bits, std::memory_order_seq_cst,
                                            std::memory_order_acquire));
  return true;
}

// A fiber that has not started begins with the request. It may start at this very moment: the worker writes
// the state and the fiber reads the request, we write the request and read the state, and the fences let at
// least one see the other's.
bool ask(fiber& f, stop_reason why, bool at_once) noexcept {
  const auto reason = static_cast<std::uint64_t>(why) << fiber::reason_shift;
  if (!mark(f, fiber::stop_requested | reason, fiber::stop_requested)) return false;
  if (std::stop_source* const source = f.stop_source.load(std::memory_order_seq_cst)) source->request_stop();
  if (f.state.load(std::memory_order_acquire) == fiber_state::unstarted) heavy_fence();
  if (f.state.load(std::memory_order_acquire) != fiber_state::started) return true;
  worker* const home = f.home.load(std::memory_order_relaxed);
  if (at_once && home == worker::current()) {
    home->deliver_stop(f);
  } else {
    f.cancellation.deliver = worker::stop_posted;
    if (mark(f, fiber::posted, 0)) home->messages().push(f.cancellation);  // from here on `f` may be gone
  }
  return true;
}

}  // namespace

bool request_stop(fiber& f, stop_reason why) noexcept { return ask(f, why, /*at_once=*/true); }
void pass_stop_on(fiber& f) noexcept { ask(f, stop_reason::parent, /*at_once=*/false); }

// Against request_stop(): both write, then look at what the other has written, in one order (seq_cst); so at
// least one of them sees both the source and the request, and requesting twice does no harm.
std::stop_token stop_token_of(fiber& self) {
  std::stop_source* source = self.stop_source.load(std::memory_order_relaxed);
  if (source == nullptr) {
    source = new std::stop_source;
    self.stop_source.store(source, std::memory_order_seq_cst);
    if ((self.control.load(std::memory_order_seq_cst) & fiber::stop_requested) != 0) source->request_stop();
  }
  return source->get_token();
}

}  // namespace weft::detail

#include <weft/runtime/parallel_for.hpp>

#include <weft/runtime/scheduler.hpp>

namespace weft::detail {

unsigned workers_here() noexcept {
  WEFT_ASSERT(worker::current() != nullptr, "parallel_for() is for fibers");
  return static_cast<unsigned>(worker::current()->owner().workers().size());
}

unsigned worker_after(unsigned n) noexcept { return (worker::current()->index() + n) % workers_here(); }

}  // namespace weft::detail

// Worlds with a runtime: workers are simulated threads, and what weft keeps per thread follows them.
#include <chrono>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include <sim/sim.hpp>
#include <weft/pools/slab.hpp>
#include <weft/pools/thread_slot.hpp>
#include <weft/runtime/fiber.hpp>
#include <weft/runtime/local_table.hpp>
#include <weft/runtime/parker.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/thread_state.hpp>

namespace weft {
namespace detail {
namespace {

[[maybe_unused]] const bool thread_state_is_swapped = [] {
  swap_with_thread({&this_thread, sizeof this_thread, []() noexcept {
                      destroy_locals_of_thread();
                      parker::leave_thread();
                    }});
  swap_with_thread({&this_thread_slot, sizeof this_thread_slot, leave_thread_slot});
  return true;
}();

}  // namespace
}  // namespace detail

namespace {

std::size_t blocks_before;  // in use when the runtime was made

std::size_t blocks_in_use() { return detail::process_slabs<sizeof(detail::fiber)>().count().in_use; }

}  // namespace

runtime& sim::rt() {
  if (runtime_ == nullptr) {
    check(core_.current->id == 0,
          "rt() and spawn() make the runtime: the first of them is for the test's own thread");
    options o;
    o.workers = core_.options.workers;
    o.fibers_max = core_.options.fibers_max;
    o.overflow_report = false;
    o.asleep_report = false;  // time may pass while all sleep
    o.spin = std::chrono::microseconds{core_.random.below(3)};
    blocks_before = blocks_in_use();
    runtime_ = runtime_owner{new runtime{o}, [](runtime* r) {
                               delete r;
                               EXPECT_EQ(blocks_in_use(), blocks_before) << "control blocks of fibers leaked";
                             }};
  }
  return *runtime_;
}

void sim::spawn(std::move_only_function<void()> body, std::string_view name) {
  runtime& on = rt();
  ++core_.foreground;
  on.go(
      [this, body = std::move(body)]() mutable {
        body();
        body = nullptr;
        --core_.foreground;
      },
      {.name = name});
}

}  // namespace weft

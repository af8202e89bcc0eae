// Says that something outside the runtime may still wake its fibers: a foreign thread, a callback of another
// library. While such a guard lives, "all fibers are asleep" is not reported (options.asleep_report).
#pragma once

#include <utility>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/runtime.hpp>

namespace weft {

class external_work {
 public:
  /// For that runtime, which must outlive it. Safe from  any fiber or thread.
  explicit external_work(runtime& rt) noexcept : external_work{rt.shared()} {}

  /// For the runtime of the calling fiber.
  external_work() noexcept : external_work{of_caller()} {}

  external_work(external_work&& other) noexcept : of_{std::exchange(other.of_, nullptr)} {}
  external_work& operator=(external_work&& other) noexcept {
    if (this != &other) {
      end();
      of_ = std::exchange(other.of_, nullptr);
    }
    return *this;
  }
  /// Safe from  any fiber or thread.
  ~external_work() { end(); }

 private:
  explicit external_work(detail::scheduler& of) noexcept : of_{&of.sleepers()} { of_->outside_work_begins(); }

  static detail::scheduler& of_caller() noexcept {
    WEFT_ASSERT(detail::worker::current() != nullptr, "external_work() without a runtime is for fibers");
    return detail::worker::current()->owner();
  }

  void end() noexcept {
    if (of_ != nullptr) of_->outside_work_ends();
  }

  detail::census* of_;
};

}  // namespace weft

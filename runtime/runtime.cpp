#include <weft/runtime/runtime.hpp>

#include <chrono>
#include <exception>
#include <system_error>
#include <utility>

#include <weft/runtime/inspect/runtime_inspection.hpp>

namespace weft {
namespace {

constexpr std::chrono::seconds destructor_patience{10};

std::unique_ptr<detail::scheduler> open_or_throw(const options& o) {
  auto made = detail::scheduler::open(o);
  if (!made) throw std::system_error{made.error(), "weft::runtime"};
  return std::move(*made);
}

}  // namespace

runtime::runtime(const options& o) : runtime{open_or_throw(o)} {}

runtime::runtime(std::unique_ptr<detail::scheduler> s)
    : scheduler_{std::move(s)}, inspection_{std::make_unique<detail::runtime_inspection>(*scheduler_)} {}

runtime::~runtime() {
  if (!stop(destructor_patience)) std::terminate();
}

result<std::unique_ptr<runtime>> runtime::open(const options& o) {
  auto made = WEFT_TRY(detail::scheduler::open(o));  // before the `new`, which a return would leak
  return std::unique_ptr<runtime>{new runtime{std::move(made)}};
}

void runtime::request_stop() noexcept { scheduler_->request_stop(); }

result<void> runtime::stop(deadline until) {
  inspection_->begin_stop();
  const auto stopped = scheduler_->stop(until);
  if (stopped) inspection_->end();
  return stopped;
}

unsigned runtime::workers() const noexcept { return scheduler_->workers_planned(); }

}  // namespace weft

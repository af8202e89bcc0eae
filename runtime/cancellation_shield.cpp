#include <weft/runtime/cancellation_shield.hpp>

namespace weft {

cancellation_shield::cancellation_shield(deadline at_most) noexcept
    : self_{detail::current_fiber()},
      scopes_{self_ != nullptr ? self_->scopes : nullptr},
      until_{detail::deadline_here()} {
  if (self_ == nullptr) {
    detail::this_thread.set_until(at_most);
    return;
  }
  ++self_->shields;
  self_->scopes = nullptr;
  self_->until = at_most;
  if (!at_most.is_never()) self_->call_attention();
}

cancellation_shield::~cancellation_shield() {
  if (self_ == nullptr) {
    detail::this_thread.set_until(until_);
    return;
  }
  --self_->shields;
  self_->scopes = scopes_;
  self_->until = until_;
  self_->call_attention();  // what was hidden may have come meanwhile
}

}  // namespace weft

#include <weft/runtime/with_stop.hpp>

#include <utility>

namespace weft::detail {

token_scope::token_scope(fiber& self, std::stop_token token)
    : stop_scope{self, stopped_}, token_{std::move(token)} {
  if (token_.stop_requested()) {
    stopped_.store(stop_word_of(stop_reason::user), std::memory_order_relaxed);
    self.call_attention();
  } else {
    callback_.emplace(token_, on_stop{this});
  }
}

// After the callback is gone it sends no more.
token_scope::~token_scope() {
  callback_.reset();
  wait_to_hear();
}

void token_scope::on_stop::operator()() const noexcept {
  scope->announce();
  scope->stopped_.store(stop_word_of(stop_reason::user), std::memory_order_release);
  scope->send();
}

}  // namespace weft::detail

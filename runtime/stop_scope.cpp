#include <weft/runtime/stop_scope.hpp>

#include <utility>

#include <weft/runtime/park.hpp>
#include <weft/runtime/stop.hpp>

namespace weft::detail {

// The source of a scope's own token, and what stops it.
struct stop_scope::own_source {
  struct stop_it {
    std::stop_source& source;
    void operator()() const noexcept { source.request_stop(); }
  };

  own_source(std::stop_token around, std::stop_token cause)
      : around_stops{std::move(around), stop_it{source}}, cause_stops{std::move(cause), stop_it{source}} {}

  std::stop_source source;
  std::stop_callback<stop_it> around_stops, cause_stops;
};

stop_scope::stop_scope(fiber& self, stop_word& cause) noexcept
    : self_{&self}, outer_{self.scopes}, cause_{&cause} {
  deliver = [](message& m, worker& receiver) noexcept {
    auto& scope = static_cast<stop_scope&>(m);
    scope.heard_ = true;
    scope.self_->call_attention();
    if (struct wait* const w = scope.hearing_) return wait::interrupt_plain(*w, wake_reason::woken);
    receiver.deliver_stop(*scope.self_);
  };
  self.scopes = this;
}

stop_scope::~stop_scope() { self_->scopes = outer_; }

void stop_scope::send() noexcept {
  sent_ = true;
  self_->home.load(std::memory_order_relaxed)->messages().push(*this);
}

void stop_scope::wait_to_hear() noexcept {
  if (!sent_ || heard_) [[likely]]
    return;
  struct wait w{/*cancellable=*/false};
  hearing_ = &w;
  park(w, deadline::never(), park_reason::stop);
}

std::stop_token stop_scope::token() {
  if (source_ == nullptr) {
    std::stop_token around;
    if (outer_ != nullptr) around = outer_->token();
    else if (self_->shields == 0) around = stop_token_of(*self_);
    become_known();
    source_ = std::make_unique<own_source>(std::move(around), token_of_cause());
  }
  return source_->source.get_token();
}

void stop_scope::follow() noexcept {
  if (source_ != nullptr && stopped()) source_->source.request_stop();
}

bool fiber::in_stopped_scope() const noexcept {
  for (const stop_scope* s = scopes; s != nullptr; s = s->outer())
    if (s->stopped()) return true;
  return false;
}

// Attention may go again when nothing is left to look at: who brings news calls for it, on this very worker.
bool heed(fiber& self) noexcept {
  for (stop_scope* s = self.scopes; s != nullptr; s = s->outer()) s->become_known();
  if (self.wants_stop()) return true;
  if (self.until.is_never()) self.control.fetch_and(~fiber::attention, std::memory_order_relaxed);
  return false;
}

// Who stops us sets the flag first, and may not have come to the source yet.
void follow_stop(fiber& self) noexcept {
  if (self.shields == 0 && (self.control.load(std::memory_order_relaxed) & fiber::stop_requested) != 0)
    if (std::stop_source* const source = self.stop_source.load(std::memory_order_relaxed))
      source->request_stop();
  for (stop_scope* s = self.scopes; s != nullptr; s = s->outer()) s->follow();
}

std::stop_token innermost_stop_token(fiber& self) {
  if (self.scopes != nullptr) return self.scopes->token();
  if (self.shields != 0) return {};
  return stop_token_of(self);
}

std::optional<stop_reason> reason_to_stop(const fiber& self) noexcept {
  for (const stop_scope* s = self.scopes; s != nullptr; s = s->outer())
    if (s->stopped()) return s->reason();
  const std::uint64_t control = self.control.load(std::memory_order_relaxed);
  if ((control & fiber::stop_requested) != 0 && self.shields == 0)
    return static_cast<stop_reason>((control & fiber::reason_mask) >> fiber::reason_shift);
  if (self.until.expired()) return stop_reason::timeout;
  return std::nullopt;
}

}  // namespace weft::detail

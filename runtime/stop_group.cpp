#include <weft/runtime/stop_group.hpp>

#include <mutex>

namespace weft::detail {

// The tokens first: who is woken by the stop finds that his token has heard of it.
bool stop_group::stop(stop_reason why) noexcept {
  std::stop_source tokens{std::nostopstate};
  {
    const std::lock_guard hold{lock_};
    if (stopped_.load(std::memory_order_relaxed) != 0) return false;
    stopped_.store(stop_word_of(why), std::memory_order_release);
    tokens = source_;
  }
  tokens.request_stop();
  const std::lock_guard hold{lock_};
  for (stop_scope& s : known_) s.send();
  return true;
}

std::stop_token stop_group::token() {
  std::stop_source made{std::nostopstate};
  {
    const std::lock_guard hold{lock_};
    if (!source_.stop_possible()) source_ = std::stop_source{};
    made = source_;
  }
  if (stopped()) made.request_stop();  // else stop() finds the source
  return made.get_token();
}

void member_scope::connect() noexcept {
  unknown_ = false;
  const std::lock_guard hold{group_.lock_};
  group_.known_.push_back(*this);
}

void member_scope::leave() noexcept {
  {
    const std::lock_guard hold{group_.lock_};
    unlink();
  }
  wait_to_hear();
}

}  // namespace weft::detail

#include <sim/strategy.hpp>

#include <sim/simulator.hpp>

namespace weft::detail {

strategy::strategy(std::uint64_t seed, random_source& random) noexcept
    : random_{random}, kind_{static_cast<strategy_kind>(seed % 4)} {
  scale_ = kind_ == strategy_kind::sticky ? 2u << random_.below(5) : 4u << random_.below(8);
  gap_ = 1 + random_.below(scale_);
}

void strategy::add(simulated_thread& t) noexcept {
  t.priority = static_cast<std::int64_t>(random_.next() >> 2);
}

simulated_thread& strategy::at_step(const threads& ready, simulated_thread& self, bool pauses) noexcept {
  if (ready.size() == 1) return self;
  if (pauses || ++alone_ > alone_max) {
    alone_ = 0;
    fall(self);
    return kind_ == strategy_kind::priorities ? highest(ready) : another(ready, self);
  }
  simulated_thread* next = &self;
  switch (kind_) {
    case strategy_kind::walk: next = &any(ready); break;
    case strategy_kind::sticky:
      if (random_.one_in(scale_)) next = &any(ready);
      break;
    case strategy_kind::priorities:
      if (change_due()) fall(self);
      next = &highest(ready);
      break;
    case strategy_kind::preemptions:
      if (change_due()) next = &another(ready, self);
      break;
  }
  if (next != &self) alone_ = 0;
  return *next;
}

simulated_thread& strategy::at_block(const threads& ready) noexcept {
  alone_ = 0;
  return kind_ == strategy_kind::priorities ? highest(ready) : any(ready);
}

simulated_thread& strategy::another(const threads& ready, const simulated_thread& self) noexcept {
  const std::size_t mine = self.ready_index;
  const std::size_t other = random_.below(ready.size() - 1);
  return *ready[other < mine ? other : other + 1];
}

simulated_thread& strategy::highest(const threads& ready) noexcept {
  simulated_thread* best = ready.front();
  for (simulated_thread* const t : ready)
    if (t->priority > best->priority) best = t;
  return *best;
}

bool strategy::change_due() noexcept {
  if (--gap_ != 0) return false;
  gap_ = 1 + random_.below(scale_);
  return true;
}

void strategy::fall(simulated_thread& t) noexcept { t.priority = --lowest_; }

}  // namespace weft::detail

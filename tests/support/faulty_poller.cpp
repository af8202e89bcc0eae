#include <faulty_poller.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/socket.h>
#include <sys/uio.h>

#include <weft/runtime/base/assert.hpp>

namespace weft::detail {

/// What the real poller sees instead of the operation.
struct faulty_poller::shadow : operation {
  faulty_poller* owner = nullptr;
  operation* of = nullptr;
  iovec first{};  // a shortened vector
};

faulty_poller::faulty_poller(std::unique_ptr<poller> inner, const faults& chances)
    : inner_{std::move(inner)}, chances_{chances}, random_{chances.seed} {
  buffers_ = inner_->buffers();
}

faulty_poller::~faulty_poller() { WEFT_ASSERT(in_flight_ == 0u, "a poller ends before its operations"); }

bool faulty_poller::chance(unsigned of_1000) noexcept {
  if (random_() % 1000 >= of_1000) return false;
  ++injected_;
  if (chances_.counts != nullptr) ++chances_.counts->injected;
  return true;
}

void faulty_poller::submit(operation& op) noexcept {
  ++in_flight_;
  ++counters_.submitted;
  const bool moves_bytes = op.code <= operation_code::send;
  if (op.code != operation_code::close && chance(chances_.interrupted)) {
    held_.push_back({&op, -EINTR, false, 0});
  } else if (moves_bytes && chance(chances_.out_of_buffers)) {
    held_.push_back({&op, op.code >= operation_code::recv ? -ENOBUFS : -ENOMEM, false, 0});
  } else {
    outside_.push_back(&op);
    let_in();
    if (!outside_.empty() && chances_.counts != nullptr) ++chances_.counts->kept_waiting;
  }
}

void faulty_poller::let_in() noexcept {
  while (!outside_.empty() && in_kernel_.size() < chances_.in_kernel_max) {
    operation& op = *outside_.front();
    outside_.pop_front();
    pass_on(op);
  }
}

void faulty_poller::pass_on(operation& op) noexcept {
  shadow& passed = *in_kernel_.emplace_back(std::make_unique<shadow>());
  static_cast<operation&>(passed) = op;
  passed.owner = this;
  passed.of = &op;
  passed.complete = [](operation& self, int result, bool more) noexcept {
    auto& me = static_cast<shadow&>(self);
    me.owner->hear(me, result, more);
  };
  if (op.code <= operation_code::send && chance(chances_.short_count)) shorten(passed);
  inner_->submit(passed);
}

void faulty_poller::shorten(shadow& of) noexcept {
  if (of.code == operation_code::readv || of.code == operation_code::writev) {
    if (of.length == 0) return;
    of.first = *static_cast<const iovec*>(of.address);
    if (of.first.iov_len > 1) of.first.iov_len = 1 + random_() % of.first.iov_len;
    if (of.first.iov_len == 0) return;
    of.address = &of.first;
    of.length = 1;
  } else if (of.length > 1) {
    of.length = static_cast<std::uint32_t>(1 + random_() % of.length);
    of.flags &= ~unsigned{MSG_WAITALL};
  }
}

void faulty_poller::hear(shadow& heard, int result, bool more) noexcept {
  const unsigned turns =
      chance(chances_.late) ? static_cast<unsigned>(1 + random_() % chances_.late_turns) : 0;
  heard.of->offset = heard.offset;  // where send_zero_copy says more than a number
  heard.of->address = heard.code == operation_code::recv_provided ? heard.address : heard.of->address;
  held_.push_back({heard.of, result, more, turns});
  if (more) return;
  const auto mine = [&heard](const std::unique_ptr<shadow>& s) { return s.get() == &heard; };
  in_kernel_.erase(std::find_if(in_kernel_.begin(), in_kernel_.end(), mine));
}

void faulty_poller::cancel(operation& op) noexcept {
  ++counters_.cancelled;
  if (const auto waits = std::find(outside_.begin(), outside_.end(), &op); waits != outside_.end()) {
    outside_.erase(waits);
    held_.push_back({&op, -ECANCELED, false, 0});
    return;
  }
  for (const auto& passed : in_kernel_)
    if (passed->of == &op) return inner_->cancel(*passed);
}

bool faulty_poller::ready() const noexcept { return !held_.empty() || inner_->ready(); }

void faulty_poller::turn(deadline until) noexcept {
  do {
    inner_->turn(held_.empty() ? until : deadline::past());
    const bool was_notified_or_heard = held_.empty() || deliver();
    let_in();
    if (was_notified_or_heard) return;
  } while (!until.expired() && !until.is_past());
}

// Those of one operation stay in their order: a later one is not delivered before an earlier one.
bool faulty_poller::deliver() noexcept {
  std::deque<held> now;
  std::deque<held> later;
  for (held& h : held_) {
    const bool overtakes =
        std::any_of(later.begin(), later.end(), [&](const held& l) { return l.op == h.op; });
    if (h.turns > 0) --h.turns;
    (h.turns == 0 && !overtakes ? now : later).push_back(h);
  }
  held_ = std::move(later);
  for (const held& h : now) {
    ++counters_.completed;
    if (!h.more) --in_flight_;
    h.op->complete(*h.op, h.result, h.more);
  }
  return !now.empty();
}

}  // namespace weft::detail

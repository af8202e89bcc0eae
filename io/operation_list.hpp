// Operations that wait for something, first come first served. Linked through the operations themselves, so
// that putting one in, taking one out of the middle (cancel) and taking the first cost no allocation and no
// search.
#pragma once

#include <weft/runtime/operation.hpp>

namespace weft::detail {

class operation_list {
 public:
  bool empty() const noexcept { return first_ == nullptr; }
  operation* front() const noexcept { return first_; }
  static operation* after(const operation& op) noexcept { return op.poller_next; }

  void push_back(operation& op) noexcept {
    op.poller_next = nullptr;
    op.poller_previous = last_;
    (last_ != nullptr ? last_->poller_next : first_) = &op;
    last_ = &op;
  }

  void push_front(operation& op) noexcept {
    op.poller_previous = nullptr;
    op.poller_next = first_;
    (first_ != nullptr ? first_->poller_previous : last_) = &op;
    first_ = &op;
  }

  void remove(operation& op) noexcept {
    (op.poller_previous != nullptr ? op.poller_previous->poller_next : first_) = op.poller_next;
    (op.poller_next != nullptr ? op.poller_next->poller_previous : last_) = op.poller_previous;
    op.poller_next = op.poller_previous = nullptr;
  }

  /// The first one, unlinked; nullptr if there is none.
  operation* pop_front() noexcept {
    operation* const op = first_;
    if (op != nullptr) remove(*op);
    return op;
  }

  /// All of them, in their order; this list is empty afterwards.
  operation_list take() noexcept {
    const operation_list all = *this;
    *this = {};
    return all;
  }

 private:
  operation* first_ = nullptr;
  operation* last_ = nullptr;
};

}  // namespace weft::detail

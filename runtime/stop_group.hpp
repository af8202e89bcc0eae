// The common cause of many scopes: what stops the children of a nursery or of a join_set together.
//
// A scope makes itself known on the first wait of its fiber only, under the lock, so that a child that never
// waits costs the group nothing. stop() sets the word, and then sends to all that are known, under the same
// lock; who comes later sees the word. User's code (the callbacks of tokens) runs outside of the lock.
#pragma once

#include <stop_token>

#include <weft/runtime/base/intrusive_list.hpp>
#include <weft/runtime/base/thread_mutex.hpp>
#include <weft/runtime/stop_scope.hpp>

namespace weft::detail {

class stop_group {
 public:
  stop_group() = default;
  stop_group(const stop_group&) = delete;
  stop_group& operator=(const stop_group&) = delete;

  /// Stops every scope of the group, those too that are still to come. False: it had been. Any thread.
  bool stop(stop_reason why) noexcept;

  bool stopped() const noexcept { return stopped_.load(std::memory_order_acquire) != 0; }

 private:
  friend class member_scope;

  std::stop_token token();

  stop_word stopped_{0};
  thread_mutex lock_;                          // guards the two below
  intrusive_list<stop_scope> known_;           // scopes to be sent to
  std::stop_source source_{std::nostopstate};  // made when the first token is asked for
};

/// The part of a fiber's life in which it belongs to a group.
class member_scope : stop_scope {
 public:
  member_scope(fiber& self, stop_group& group) noexcept : stop_scope{self, group.stopped_}, group_{group} {
    unknown_ = true;
    if (!self.hurried()) self.call_attention();
  }
  ~member_scope() {
    if (!unknown_) leave();
  }

  const stop_group* parent() const noexcept override { return &group_; }

 private:
  void connect() noexcept override;
  std::stop_token token_of_cause() override { return group_.token(); }
  void leave() noexcept;

  stop_group& group_;
};

/// The same of who is no child: the body of with_nursery().
class body_scope final : public member_scope {
 public:
  using member_scope::member_scope;
  const stop_group* parent() const noexcept override { return nullptr; }
};

}  // namespace weft::detail

// A part of a fiber's life that can be stopped by itself: the body of with_stop(), a child of a nursery.
//
// The scopes of a fiber form a chain, innermost first, in the frames that they stand for. Each looks at a
// word that says whether its cause has stopped. To say so is not enough for a fiber that waits, so the cause
// also sends each scope that it knows a message, once, to the fiber's own worker, which ends the wait there.
// The message lies in the scope: a scope that has been sent one does not go before it has arrived.
//
//   cause    word = reason; send() every scope that is known
//   scope    becomes known, then looks at the word, then waits
//
// so a scope that looked too early is known, and gets the message. A cause that is costly to know
// (child_group) is asked to on the first wait only: a fiber that never waits never pays for it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/intrusive_list.hpp>
#include <weft/runtime/fiber.hpp>
#include <weft/runtime/message.hpp>
#include <weft/runtime/stop_reason.hpp>

namespace weft::detail {

/// Whether a cause has stopped, and why: 0, or 1 + the reason.
using stop_word = atomic<std::uint8_t>;
inline std::uint8_t stop_word_of(stop_reason why) noexcept { return static_cast<std::uint8_t>(why) + 1; }

class stop_group;

class stop_scope : public message, public list_node {
 public:
  /// Becomes the innermost scope of `self`, which runs.
  stop_scope(fiber& self, stop_word& cause) noexcept;
  stop_scope(const stop_scope&) = delete;
  stop_scope& operator=(const stop_scope&) = delete;

  /// Brings the news that the cause has stopped. Once; under whatever keeps the scope from going.
  void send() noexcept;

  bool stopped() const noexcept { return cause_->load(std::memory_order_acquire) != 0; }
  stop_reason reason() const noexcept {
    return static_cast<stop_reason>(cause_->load(std::memory_order_relaxed) - 1);
  }

  /// A token that is stopped when this scope is, or one around it. Allocates on the first call.
  std::stop_token token();

  stop_scope* outer() const noexcept { return outer_; }

  /// The group whose child the fiber is, if this scope stands for that.
  virtual const stop_group* parent() const noexcept { return nullptr; }

  /// Lets the cause know of the scope, if it does not yet.
  void become_known() noexcept {
    if (unknown_) connect();
  }

  /// Has a token, which its source must be made to follow: follow_stop().
  void follow() noexcept;

 protected:
  ~stop_scope();

  /// Waits until what was sent has come. To be called before the end, when the cause sends no more.
  void wait_to_hear() noexcept;

  virtual void connect() noexcept {}
  virtual std::stop_token token_of_cause() = 0;

  /// To be called before anything else by who sends while the scope may be going: then it waits.
  void announce() noexcept { sent_ = true; }

  bool sent() const noexcept { return sent_; }

  bool unknown_ = false;  // the cause does not know of it

 private:
  struct own_source;

  fiber* const self_;
  stop_scope* const outer_;
  stop_word* const cause_;
  std::unique_ptr<own_source> source_;  // made by token()
  struct wait* hearing_ = nullptr;
  bool sent_ = false;   // by the cause
  bool heard_ = false;  // on the home worker of the fiber
};

}  // namespace weft::detail

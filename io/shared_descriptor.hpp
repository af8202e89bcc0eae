// A file descriptor that any number of fibers use at once, while another closes it. For files, whose
// positioned reads and writes need no turns; what has an order of its own (sockets) takes io/descriptor.hpp.
//
// One word counts the uses, and one bit of it says that nobody may come any more. Whoever uses the number
// has counted itself, so close() has it until the last one leaves: none can be reused under an operation.
// Most uses end by themselves. An operation that the kernel may keep for long (a pipe's) is also linked into
// users_, and close() asks each of those to end, on the worker where it waits, as descriptor does.
//
// Without the closing bit a use comes and goes by one compare-exchange each. The bit is set under the lock,
// and who leaves after that leaves under the lock, so that the last touch of a dying object is an unlock for
// which close() has waited.
#pragma once

#include <cstdint>

#include <weft/io/closers.hpp>
#include <weft/io/closing_notice.hpp>
#include <weft/io/perform.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/intrusive_list.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/base/thread_mutex.hpp>

namespace weft::detail {

/// An operation that close() may have to end; in the frame of who waits for it.
struct descriptor_user : closing_notice<descriptor_user>, list_node {
  /// Asks the kernel to let go. Called on `home`, while the user is linked.
  using ending = void (*)(descriptor_user& self) noexcept;

  explicit descriptor_user(ending ask) noexcept : ask_{ask} {}

  void end() noexcept { ask_(*this); }

 private:
  ending ask_;
};

class shared_descriptor {
 public:
  /// None: there is nothing to use.
  shared_descriptor() noexcept : shared_descriptor{-1} {}

  /// Owns `fd`.
  explicit shared_descriptor(int fd) noexcept : fd_{fd}, word_{fd < 0 ? closing : 0} {}

  /// Only while nobody uses `from`.
  shared_descriptor(shared_descriptor&& from) noexcept : shared_descriptor{from.release()} {}
  shared_descriptor& operator=(shared_descriptor&& from) noexcept;

  /// As close().
  ~shared_descriptor() { (void)close(); }

  /// Counts a use: until leave(), native_handle() stays open. False: it is closed, or being closed.
  ///
  /// Safe from  any fiber or thread.
  /// Cost       one compare-exchange.
  bool enter() noexcept {
    std::uint32_t seen = word_.load(std::memory_order_relaxed);
    do
      if ((seen & closing) != 0) [[unlikely]]
        return false;
    while (
        !word_.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire, std::memory_order_relaxed));
    return true;
  }

  void leave() noexcept {
    std::uint32_t seen = word_.load(std::memory_order_relaxed);
    do
      if ((seen & closing) != 0) [[unlikely]]
        return leave_slow();
    while (
        !word_.compare_exchange_weak(seen, seen - 1, std::memory_order_release, std::memory_order_relaxed));
  }

  /// Puts `u`, whose use is counted, where close() finds it; until end_use(). False: it is being closed.
  bool begin_use(descriptor_user& u) noexcept;

  /// Returns when close() has done with `u`.
  void end_use(descriptor_user& u) noexcept;

  /// Does `p` on this descriptor, within a use.
  ///
  /// Blocks     the calling fiber or foreign thread.
  /// Errors     closed; as detail::perform().
  outcome perform(pending_operation& p, deadline until) noexcept;

  /// Ends what others do with it, waits for that, and closes. Not cancellable. Several may call it: it is
  /// closed when any of the calls returns.
  ///
  /// Blocks     the calling fiber or thread, until the last use has ended; the thread, while the kernel
  ///            closes (it may write back what a network file system has buffered).
  /// Errors     what the kernel says of the close; the number is free all the same.
  result<void> close() noexcept;

  /// The number, still owned by this; -1 once closed.
  int native_handle() const noexcept { return fd_.load(std::memory_order_relaxed); }

  /// Gives the number up without closing it. Only while nobody uses it.
  int release() noexcept;

 private:
  static constexpr std::uint32_t closing = 1u << 31;

  bool used() const noexcept { return (word_.load(std::memory_order_acquire) & ~closing) != 0; }
  void leave_slow() noexcept;

  atomic<int> fd_;              // changes only while nobody uses it; atomic for native_handle()
  atomic<std::uint32_t> word_;  // uses, and `closing`, which is set under lock_, for good
  thread_mutex lock_;
  intrusive_list<descriptor_user> users_;  // under lock_
  closers closers_;                        // under lock_
};

/// A use for as long as a scope.
class descriptor_use {
 public:
  explicit descriptor_use(shared_descriptor& of) noexcept : of_{of.enter() ? &of : nullptr} {}
  descriptor_use(const descriptor_use&) = delete;
  descriptor_use& operator=(const descriptor_use&) = delete;
  ~descriptor_use() {
    if (of_ != nullptr) of_->leave();
  }

  /// False: it is closed.
  explicit operator bool() const noexcept { return of_ != nullptr; }

 private:
  shared_descriptor* of_;
};

}  // namespace weft::detail

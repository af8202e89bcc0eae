// One end of a transfer while that lasts: its descriptor is held, so that nobody else's bytes get between and
// close() waits, and what waits for the kernel is where close() finds it.
//
// A stream is held in one direction. A transfer takes its source, which is read, before its target, which is
// written, and whoever holds a writing direction waits for no other: so no circle of transfers can wait for
// itself.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/io/descriptor.hpp>
#include <weft/io/shared_descriptor.hpp>
#include <weft/io/transfer_end.hpp>

namespace weft::detail {

class transfer_side {
 public:
  enum class kind : std::uint8_t { stored, pipe, socket, other };
  enum class role : std::uint8_t { source, target };

  transfer_side(const io::transfer_end& of, role as) noexcept;
  transfer_side(const transfer_side&) = delete;
  transfer_side& operator=(const transfer_side&) = delete;
  ~transfer_side();

  /// Waits its turn and finds out what it is. Only then the rest may be called.
  ///
  /// Blocks     the calling fiber or foreign thread.
  /// Errors     closed, canceled, deadline_exceeded, ESPIPE: an offset of what has none, EINVAL: one to write
  ///            at, of what is appended to; the kernel's.
  [[nodiscard]] outcome enter(deadline until) noexcept;

  /// What close() is to end, as long as it is under way; nullptr: nothing.
  void doing(pending_operation* p) noexcept;

  /// Whether close() was called.
  bool closed() const noexcept {
    const atomic<bool>* const told = notice();
    return told != nullptr && told->load(std::memory_order_acquire);
  }

  /// What says that, and becomes true; nullptr: nothing can close it.
  const atomic<bool>* notice() const noexcept;

  int fd() const noexcept { return fd_; }
  kind what() const noexcept { return kind_; }

  /// Whether poll(2) tells when it is ready.
  bool has_readiness() const noexcept { return kind_ == kind::pipe || kind_ == kind::socket; }

  /// For system calls that move it on; nullptr: the descriptor's own position.
  std::int64_t* offset() noexcept { return at_ >= 0 ? &at_ : nullptr; }
  std::int64_t at() const noexcept { return at_; }

  /// Moves the offset on, if it has one.
  void advance(std::size_t bytes) noexcept {
    if (at_ >= 0) at_ += static_cast<std::int64_t>(bytes);
  }

  /// Whether the next `size` bytes of a file are in memory, or it has no such bytes, or is no file: as far as
  /// its first and its last byte say, because what the kernel has read ahead has rarely a hole.
  ///
  /// Cost       three system calls.
  bool in_memory(std::size_t size) const noexcept;

  /// Whether a file says that nothing comes any more. False: something does, or only a true read can tell.
  ///
  /// Cost       two system calls.
  bool at_end() const noexcept;

  /// -EINVAL if these are the same file and the next `n` bytes overlap, or the same pipe. `n` becomes the
  /// bytes that the file has, because it must not grow by its own.
  static outcome keep_apart(const transfer_side& source, const transfer_side& target,
                            std::uint64_t& n) noexcept;

 private:
  struct shared_user : descriptor_user {
    shared_user() noexcept : descriptor_user{ask} {}
    static void ask(descriptor_user& self) noexcept {
      auto& me = static_cast<shared_user&>(self);
      if (me.doing != nullptr) me.doing->ask(pending_operation::asked_by::close);
    }
    pending_operation* doing = nullptr;  // home only
  };

  outcome enter_shared() noexcept;
  outcome look() noexcept;
  std::int64_t place() const noexcept;

  descriptor* stream_;
  shared_descriptor* file_;
  int fd_;
  role role_;
  kind kind_ = kind::other;
  bool listed_ = false;  // user_ is where close() finds it
  std::int64_t at_;
  std::uint64_t device_ = 0, inode_ = 0, size_ = 0;  // of a block device, what it is, and not its name
  descriptor::hold hold_;
  shared_user user_;
};

}  // namespace weft::detail

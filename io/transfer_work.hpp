// A transfer under way: both ends held, and the loops that move bytes until there are no more, `n` have been
// moved, or something fails. Each loop is one way; whoever runs it may go on by another where the kernel
// refuses the first.
//
// A call is made at once and the fiber waits only for the end that was not ready. What may wait for a disk is
// made on the offload pool: a splice to a file, and all that reads a file whose next bytes are not in memory.
// The ring's own splice is no better there: it always goes to a thread of the kernel's (benchmarks/transfers:
// 0.49 s of CPU per GB, where splice takes 0.42).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <weft/io/aligned_buffer.hpp>
#include <weft/io/sigpipe_block.hpp>
#include <weft/io/transfer_result.hpp>
#include <weft/io/transfer_side.hpp>
#include <weft/runtime/base/byte_view.hpp>
#include <weft/runtime/idle_pipes.hpp>

namespace weft::detail {

/// A pipe to move pages through, from the worker's idle ones. It goes back there if it is empty.
class passage {
 public:
  passage() noexcept;
  passage(const passage&) = delete;
  passage& operator=(const passage&) = delete;
  ~passage();

  /// Errors     of what could not be made: EMFILE, ENFILE.
  int error() const noexcept { return error_; }
  int in() const noexcept { return ends_.write; }
  int out() const noexcept { return ends_.read; }

  std::size_t filled = 0;  // bytes in it

  static constexpr std::size_t capacity = 256 << 10;  // asked for, a guess; too many pipes, and one gets less

 private:
  pipe_ends ends_;
  int error_ = 0;
};

class transfer_work {
 public:
  transfer_work(const io::transfer_end& source, const io::transfer_end& target, std::uint64_t n,
                deadline until) noexcept;

  /// All of it. `by`: the way to begin with, if these ends can go it; none: the best.
  io::transfer_result run(io::transfer_way by);

  /// The same bytes once more, from a pipe that keeps them.
  io::transfer_result run_tee();

  using transform = result<byte_view> (*)(void* context, std::span<std::byte> chunk);

  /// All of it, through f.
  io::transfer_result run_through(transform f, void* context);

 private:
  outcome begin() noexcept;
  io::transfer_way best() const noexcept;
  bool can_go(io::transfer_way by) const noexcept;
  outcome go(io::transfer_way by);
  outcome by_sendfile() noexcept;
  outcome by_splice() noexcept;
  outcome by_passage();
  outcome by_copy_file_range() noexcept;
  outcome by_copying();
  outcome fill(passage& with) noexcept;
  outcome drain(passage& with);
  outcome drain_by_copying(passage& with);
  outcome tee_once();
  outcome read(std::span<std::byte> into) noexcept;
  outcome write(std::span<const std::byte> bytes) noexcept;
  io::transfer_result finish(outcome o) const noexcept;

  /// Piece by piece: `move` is a system call for at most so many bytes, `wait` waits for what was not ready.
  template <class Move, class Wait>
  outcome by_pieces(Move move, Wait wait) noexcept;

  /// f(), a system call that moves bytes: here if it cannot wait, else where it may.
  template <class F>
  outcome call(bool here, F f) noexcept;
  bool in_memory(const transfer_side& side, std::size_t size) const noexcept;

  outcome wait(transfer_side& side, short events, unsigned failures) noexcept;
  outcome wait_for_either(unsigned failures) noexcept;
  outcome pause(unsigned failures) noexcept;
  outcome perform(pending_operation& p) noexcept;
  outcome perform_in_slices(pending_operation& p) noexcept;
  outcome go_on() noexcept;
  bool closed() const noexcept { return source_.closed() || target_.closed(); }

  std::size_t left(std::size_t at_most) const noexcept {
    return static_cast<std::size_t>(n_ - moved_.taken < at_most ? n_ - moved_.taken : at_most);
  }
  void moved(std::size_t bytes) noexcept;
  outcome moved_at_once(outcome bytes) noexcept;

  transfer_side source_, target_;
  std::uint64_t n_;
  deadline until_;
  io::transfer_way way_ = io::transfer_way::none;  // the present one
  io::transferred moved_;
  std::optional<sigpipe_block> quiet_;  // a foreign thread: none of these calls has MSG_NOSIGNAL
};

}  // namespace weft::detail

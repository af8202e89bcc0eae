// A file: positioned and streaming reads and writes by any number of fibers at once, and all else that is
// done to an open file.
//
// What the kernel has in memory is read on the spot (preadv2, RWF_NOWAIT): no park, no submission. All other
// reads and all writes go through the poller: the ring's own threads wait for the disk, which the ring
// bounds; under epoll the offload pool's do. What is no transfer (open, sync, stat, truncate) runs on the
// offload pool. Either costs some 10 us more than the bare call, and in return the worker never waits for a
// disk.
//
// Pipes, terminals and devices may be opened too: close() ends an operation that waits for their data.
//
// Source: openat2(2), preadv2(2), fcntl(2) for locks, open(2) for O_DIRECT and O_TMPFILE.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <weft/io/shared_descriptor.hpp>
#include <weft/runtime/base/byte_view.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::io {

/// How a path is followed, and what a new file may be used for.
struct open_options {
  /// Permissions of a file that is created, less the umask.
  unsigned mode = 0666;
  /// RESOLVE_* of openat2(2): RESOLVE_BENEATH keeps a path given by a stranger inside `directory`.
  std::uint64_t resolve = 0;
  /// Where a relative path begins.
  int directory = AT_FDCWD;
};

/// What O_DIRECT asks of a buffer's address, and of offsets and sizes. Bytes; 0: the file does not tell, or
/// cannot do it.
struct direct_alignment {
  std::uint32_t memory = 0;
  std::uint32_t offset = 0;
};

enum class lock_kind : std::uint8_t { shared, exclusive };

/// Bytes of a file. Length 0: to its end, wherever that will be.
struct file_range {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// Unless it says otherwise, each call of a file
//
//   Blocks     the calling fiber or foreign thread.
//   Errors     closed, canceled, deadline_exceeded, else the kernel's in std::system_category.
//   Cancelled  a transfer: when the kernel has let go of the buffer; what it had moved by then is its result.
//              All else: only while it has not begun.
//   Safe from  any fiber or thread.
class file {
 public:
  /// Opens `path`. `flags`: O_* of open(2); O_CLOEXEC is always added.
  [[nodiscard]] static result<file> open(std::string_view path, int flags = O_RDONLY,
                                         const open_options& options = {}, deadline until = {});

  /// A file without a name, gone when it is closed, unless link() gives it one: on the file system of
  /// `directory`.
  [[nodiscard]] static result<file> temporary(std::string_view directory = "/tmp", deadline until = {});

  /// None: every call fails with `closed`.
  file() noexcept = default;

  /// Owns `fd`.
  explicit file(int fd) noexcept;

  file(file&&) noexcept = default;
  file& operator=(file&&) noexcept = default;
  /// close(), whose result nobody hears.
  ~file() = default;

  // --- at an offset; for files that have one

  /// Fills `into` as far as the file goes: fewer bytes only at its end, or when interrupted by one of the
  /// errors after some were there. 0 at the end.
  ///
  /// Cost       a cached page: one system call, and no park.
  [[nodiscard]] result<std::size_t> pread(std::span<std::byte> into, std::uint64_t offset,
                                          deadline until = {}) noexcept;
  [[nodiscard]] result<std::size_t> preadv(std::span<const iovec> into, std::uint64_t offset,
                                           deadline until = {}) noexcept;

  /// Errors     end_of_stream: the file ends before `into` is full.
  [[nodiscard]] result<void> pread_exactly(std::span<std::byte> into, std::uint64_t offset,
                                           deadline until = {}) noexcept;

  /// Bytes written, perhaps fewer than there are: a disk may fill up in the middle of them.
  [[nodiscard]] result<std::size_t> pwrite(byte_view bytes, std::uint64_t offset,
                                           deadline until = {}) noexcept;
  [[nodiscard]] result<std::size_t> pwritev(std::span<const iovec> bytes, std::uint64_t offset,
                                            deadline until = {}) noexcept;

  /// Errors     ENOSPC and all others: part of `bytes` may have been written.
  [[nodiscard]] result<void> pwrite_all(byte_view bytes, std::uint64_t offset, deadline until = {}) noexcept;

  // --- at the file's own position, which all who use it share

  /// Reads what is there, at least one byte; 0 at the end.
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> into, deadline until = {}) noexcept;
  [[nodiscard]] result<std::size_t> readv(std::span<const iovec> into, deadline until = {}) noexcept;
  [[nodiscard]] result<void> read_exactly(std::span<std::byte> into, deadline until = {}) noexcept;
  [[nodiscard]] result<std::size_t> write(byte_view bytes, deadline until = {}) noexcept;
  [[nodiscard]] result<std::size_t> writev(std::span<const iovec> bytes, deadline until = {}) noexcept;
  [[nodiscard]] result<void> write_all(byte_view bytes, deadline until = {}) noexcept;

  /// Writes at the end, wherever others have moved it to; the position stays. Perhaps fewer bytes than there
  /// are.
  [[nodiscard]] result<std::size_t> append(byte_view bytes, deadline until = {}) noexcept;

  /// Moves the position and says where it is now. `from`: SEEK_*. Does not wait.
  result<std::uint64_t> seek(std::int64_t offset, int from = SEEK_SET) noexcept;

  // --- the file itself

  /// Returns when what was written is on the disk, with all that is known of the file.
  ///
  /// Errors     EIO, once, if any write since the last sync() has failed on its way there.
  [[nodiscard]] result<void> sync(deadline until = {});

  /// The same without times and the like.
  [[nodiscard]] result<void> sync_data(deadline until = {});

  /// Size, times, kind, owner: stx_* of statx(2), with what `mask` (STATX_*) asks for.
  [[nodiscard]] result<struct ::statx> stat(deadline until = {}, unsigned mask = STATX_BASIC_STATS);

  [[nodiscard]] result<std::uint64_t> size(deadline until = {});

  /// Makes it `size` bytes long; what is new reads as zeroes, and takes no room yet.
  [[nodiscard]] result<void> truncate(std::uint64_t size, deadline until = {});

  /// Takes room for `range`, so that no later write there finds the disk full. `mode`: FALLOC_FL_* of
  /// fallocate(2).
  [[nodiscard]] result<void> allocate(file_range range, int mode = 0, deadline until = {});

  /// Says how `range` will be used. `advice`: POSIX_FADV_*.
  [[nodiscard]] result<void> advise(file_range range, int advice, deadline until = {});

  /// Gives a temporary() file the name `path`, which must be free.
  [[nodiscard]] result<void> link(std::string_view path, deadline until = {});

  /// What O_DIRECT asks for here.
  [[nodiscard]] result<io::direct_alignment> direct_alignment(deadline until = {});

  // --- locks, which hold off other openings of the same file, in this process and in others

  /// Locks `range`, changing the kind of what this file has locked there. The kernel can only block a thread
  /// for a lock, so this one asks again, 1 to 50 ms apart.
  ///
  /// Source     fcntl(2), open file description locks.
  [[nodiscard]] result<void> lock(lock_kind kind = lock_kind::exclusive, deadline until = {},
                                  file_range range = {});

  /// Errors     would_block: somebody else has it.
  [[nodiscard]] result<void> try_lock(lock_kind kind = lock_kind::exclusive, file_range range = {}) noexcept;

  result<void> unlock(file_range range = {}) noexcept;

  // --- the descriptor

  /// Ends transfers that wait, with errc::closed, waits for all other calls, and closes. No cancellation
  /// point. More than once does no harm.
  ///
  /// Errors     EIO, ENOSPC, EDQUOT, of a file system that writes when it is closed. It is closed all the
  ///            same.
  result<void> close() noexcept { return descriptor_.close(); }

  /// f(number), a call that weft has not and that does not wait: the number stays open until f has returned.
  /// f gives a result; errors: closed, and f's.
  template <std::invocable<int> F>
  std::invoke_result_t<F, int> with_descriptor(F&& f) {
    const detail::descriptor_use use{descriptor_};
    if (!use) return std::unexpected(errc::closed);
    return std::forward<F>(f)(native_handle());
  }

  /// The number, still owned by this; -1 once closed.
  int native_handle() const noexcept { return descriptor_.native_handle(); }

  /// Gives the number up without closing it. Only while nobody uses it.
  int release() noexcept { return descriptor_.release(); }

 private:
  friend class batch;
  friend class transfer_end;

  file(int fd, int flags) noexcept : descriptor_{fd}, direct_{(flags & O_DIRECT) != 0} {}

  detail::outcome transfer(detail::operation_code code, const void* bytes, std::size_t size,
                           std::int64_t offset, int flags, deadline until) noexcept;
  detail::outcome transfer_entered(detail::operation_code code, const void* bytes, std::size_t size,
                                   std::int64_t offset, int flags, deadline until) noexcept;
  detail::outcome read_at(std::span<std::byte> into, std::int64_t offset, deadline until) noexcept;
  detail::outcome read_vector(std::span<const iovec> into, std::int64_t offset, deadline until) noexcept;
  template <class F>
  result<void> call(F f, deadline until);
  int set_lock(short type, file_range range) noexcept;

  detail::shared_descriptor descriptor_;
  bool direct_ = false;  // O_DIRECT: nothing is read from the page cache
};

}  // namespace weft::io

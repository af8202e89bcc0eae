// Hears of changes to files and directories: inotify, for fibers.
//
// Nothing is lost silently: when the kernel's queue was full, an event with IN_Q_OVERFLOW says so, and what
// is watched has to be looked at and added again (the event that would have ended a watch may be among the
// lost). When something watched is removed, or its file system is
// unmounted, its last event has IN_IGNORED; after the last event of the last one, next() answers
// end_of_stream instead of waiting for ever.
//
// A directory from which a file is still open, here or in another process, is removed at once, but told to be
// so (IN_DELETE_SELF, IN_IGNORED) only when that is closed: until then the kernel keeps its inode. Who must
// know earlier watches the directory above it as well, for IN_DELETE.
//
// Source: inotify(7).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sys/inotify.h>

#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::io {

/// What has happened to what add() gave this number.
struct watch_event {
  int watch = -1;            // -1: to the queue itself (IN_Q_OVERFLOW)
  std::uint32_t mask = 0;    // IN_*
  std::uint32_t cookie = 0;  // the same for the two halves of a move
  std::string name{};        // in a watched directory: whom it happened to

  /// Any of these has happened.
  bool is(std::uint32_t any_of) const noexcept { return (mask & any_of) != 0; }
};

class watcher {
 public:
  /// Whatever changes the names in a directory, or the content of a file.
  static constexpr std::uint32_t changes =
      IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF;

  /// Watches nothing yet.
  ///
  /// Errors     EMFILE: the user has fs.inotify.max_user_instances of them.
  [[nodiscard]] static result<watcher> open();

  /// Only while nobody uses it.
  watcher(watcher&&) noexcept;
  watcher& operator=(watcher&&) noexcept;
  /// close().
  ~watcher();

  /// Watches `path` for `mask` (IN_*), and gives the number that its events will have: the same one if this
  /// file or directory is watched already.
  ///
  /// Blocks     the calling fiber; the path is looked up on the offload pool.
  /// Errors     canceled, deadline_exceeded, closed; ENOENT; ENOSPC: fs.inotify.max_user_watches.
  /// Safe from  any fiber or thread.
  [[nodiscard]] result<int> add(std::string_view path, std::uint32_t mask = changes, deadline until = {});

  /// Watches it no more. What has happened before still comes, and then IN_IGNORED. Does not wait.
  ///
  /// Errors     closed; EINVAL: there is no such watch (any more).
  result<void> remove(int watch) noexcept;

  /// The next event.
  ///
  /// Blocks     the calling fiber or foreign thread, while nothing happens.
  /// Errors     end_of_stream: nothing is watched, and all has been told; closed, canceled,
  ///            deadline_exceeded.
  /// Cancelled  no event is lost.
  /// Safe from  one fiber at a time.
  [[nodiscard]] result<watch_event> next(deadline until = {});

  /// Ends a next() that waits, with errc::closed. More than once does no harm.
  void close() noexcept;

 private:
  struct state;

  explicit watcher(std::unique_ptr<state> made) noexcept;

  std::unique_ptr<state> state_;
};

}  // namespace weft::io

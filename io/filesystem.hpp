// What is done to names: directories, renaming, removing, looking up. Each call runs on the offload pool,
// because any of them may wait for a disk, and none is known to a poller.
//
// Every call here
//
//   Blocks     the calling fiber; on a foreign thread, the thread.
//   Errors     canceled, deadline_exceeded, limit: nothing was done; else the kernel's in
//              std::system_category.
//   Cancelled  only while it has not begun.
//   Safe from  any fiber or thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

#include <weft/io/file.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::io {

enum class file_kind : std::uint8_t { unknown, regular, directory, link, pipe, socket, block, character };

/// A name in a directory. `kind` is unknown where the file system does not keep it there.
struct directory_entry {
  std::string name;
  file_kind kind = file_kind::unknown;
  std::uint64_t inode = 0;
};

/// A file with a name that nobody else had.
struct named_file {
  file opened;
  std::string path;
};

/// All names in it but "." and "..", in the order of the file system. One that is created or removed
/// meanwhile may be there or not. Reading ends after `at_most` of them.
[[nodiscard]] result<std::vector<directory_entry>> list_directory(std::string_view path, deadline until = {},
                                                                  std::size_t at_most = SIZE_MAX);

/// `mode`: permissions, less the umask. Errors: file_exists.
[[nodiscard]] result<void> create_directory(std::string_view path, unsigned mode = 0777, deadline until = {});

/// The same with all that is missing above it. No error if it is there already.
[[nodiscard]] result<void> create_directories(std::string_view path, deadline until = {});

/// Errors     directory_not_empty.
[[nodiscard]] result<void> remove_directory(std::string_view path, deadline until = {});

/// Removes `path` and all that is below it, and says how many names that were: 0 if there is none. Links are
/// removed, not followed.
[[nodiscard]] result<std::uint64_t> remove_all(std::string_view path, deadline until = {});

/// Removes the name of a file. The file itself goes with its last name and its last descriptor.
[[nodiscard]] result<void> unlink(std::string_view path, deadline until = {});

/// Replaces `to`, if there is one, in one step. `flags`: RENAME_NOREPLACE, RENAME_EXCHANGE (renameat2(2)).
[[nodiscard]] result<void> rename(std::string_view from, std::string_view to, unsigned flags = 0,
                                  deadline until = {});

/// Size, times, kind, owner of what `path` names: stx_* of statx(2). `flags`: AT_SYMLINK_NOFOLLOW and its
/// kin.
[[nodiscard]] result<struct ::statx> stat(std::string_view path, deadline until = {}, int flags = 0,
                                          unsigned mask = STATX_BASIC_STATS);

/// Creates a file that only its owner may use; its path is `prefix` and six more characters. Who wants no
/// name takes file::temporary().
[[nodiscard]] result<named_file> create_temporary_file(std::string_view prefix = "/tmp/weft-",
                                                       deadline until = {});

/// The path of a new directory, likewise.
[[nodiscard]] result<std::string> create_temporary_directory(std::string_view prefix = "/tmp/weft-",
                                                             deadline until = {});

}  // namespace weft::io

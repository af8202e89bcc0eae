// Entity tags: which version of a resource one has.
//
// The tag of a file says when it was changed, to the nanosecond, and how long it is; never where it lies
// (its inode), which differs between servers that have copies of one file, and tells of the inside. A file
// that was changed only now may be changed again within the same tick of the file system's clock: until that
// is over its tag is weak, so that nobody puts together ranges of two versions.
//
// Source: RFC 9110, section 8.8.3, and 8.8.1 for what makes a validator strong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::http::detail {

/// Whether two tags name the same bytes: they are equal and none is weak.
bool matches_strongly(std::string_view a, std::string_view b) noexcept;

/// Whether two tags name what is as good as the same.
bool matches_weakly(std::string_view a, std::string_view b) noexcept;

/// Whether `list`, an If-Match or If-None-Match, holds `tag` by that comparison; `*` holds any. What follows
/// something that is no tag does not count.
bool holds_tag(std::string_view list, std::string_view tag,
               bool (*matches)(std::string_view, std::string_view) noexcept) noexcept;

/// A moment of the wall clock, as statx(2) has it.
struct file_moment {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;

  bool operator==(const file_moment&) const = default;
};

/// Whether a change at `changed` may be followed by one that cannot be told from it: less than two seconds,
/// the coarsest tick in use (FAT), have passed. `now`: seconds since 1970.
bool may_change_unseen(file_moment changed, std::int64_t now) noexcept;

/// The tag of a file that was changed then and has so many bytes; `coding` (may be empty) tells its encoded
/// variants apart.
std::string file_tag(file_moment changed, std::uint64_t size, std::string_view coding, bool weak);

}  // namespace weft::http::detail

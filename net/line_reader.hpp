// Lines out of a stream: ended by LF or CR LF, of bounded length, read ahead into a buffer of its own.
//
// What was read beyond a line stays here, so after the first read_line() read from the stream through read()
// only. No byte is looked at twice, however the lines are cut into packets.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::net {

/// What bytes can be read from: 0 at the end of the stream.
template <class S>
concept byte_source = requires(S& s, std::span<std::byte> into, deadline until) {
  { s.read(into, until) } -> std::same_as<result<std::size_t>>;
};

template <byte_source Source>
class line_reader {
 public:
  /// Reads from `from`, which outlives this. Takes line_max + 2 bytes of memory.
  explicit line_reader(Source& from, std::size_t line_max = 8192)
      : source_{from}, line_max_{line_max}, buffer_{std::make_unique_for_overwrite<char[]>(line_max + 2)} {}

  line_reader(const line_reader&) = delete;
  line_reader& operator=(const line_reader&) = delete;

  /// The next line without its end, valid until the next call; nullopt at the end of the stream.
  ///
  /// A CR counts as part of the end only right before LF; elsewhere it is a byte like any other.
  ///
  /// Blocks     the calling fiber, until a whole line is there.
  /// Errors     end_of_stream: the stream ended inside a line. limit: the line is longer than line_max; the
  ///            reader stays at it, so all that can be done is to close. Those of the source, after which it
  ///            may be called again.
  /// Safe from  one fiber at a time.
  [[nodiscard]] result<std::optional<std::string_view>> read_line(deadline until = {}) {
    for (;;) {
      if (const void* found = std::memchr(buffer_.get() + searched_, '\n', end_ - searched_))
        return take_line(static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.get()));
      searched_ = end_;
      if (end_ - begin_ == capacity()) return std::unexpected(errc::limit);
      if (WEFT_TRY(fill(until)) == 0) {
        if (begin_ != end_) return std::unexpected(errc::end_of_stream);
        return std::optional<std::string_view>{};
      }
    }
  }

  /// What follows the last line: buffered bytes first, else straight from the source.
  ///
  /// Errors  those of the source.
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> into, deadline until = {}) {
    if (begin_ == end_) return source_.read(into, until);
    const std::size_t count = std::min(into.size(), buffered());
    std::memcpy(into.data(), buffer_.get() + begin_, count);
    begin_ += count;
    searched_ = std::max(searched_, begin_);
    return count;
  }

  /// Bytes that are read and not yet taken.
  std::size_t buffered() const noexcept { return end_ - begin_; }

 private:
  std::size_t capacity() const noexcept { return line_max_ + 2; }

  result<std::optional<std::string_view>> take_line(std::size_t newline) {
    const bool crlf = newline > begin_ && buffer_[newline - 1] == '\r';
    const std::string_view line{buffer_.get() + begin_, newline - crlf - begin_};
    if (line.size() > line_max_) return std::unexpected(errc::limit);
    begin_ = searched_ = newline + 1;
    return line;
  }

  result<std::size_t> fill(deadline until) {
    if (begin_ > 0) {  // no line is out: make all the room at its end
      std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
      end_ -= begin_, searched_ -= begin_, begin_ = 0;
    }
    const std::size_t count = WEFT_TRY(
        source_.read(std::as_writable_bytes(std::span{buffer_.get() + end_, capacity() - end_}), until));
    end_ += count;
    return count;
  }

  Source& source_;
  const std::size_t line_max_;
  // begin_ <= searched_ <= end_: not yet taken from begin_ to end_, of which no LF is before searched_.
  std::size_t begin_ = 0, searched_ = 0, end_ = 0;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace weft::net

// A form with files, multipart/form-data, read part by part as it comes: a part of any size takes no more
// memory than a small one.
//
//   auto parts = WEFT_TRY(http::multipart::open(q));
//   while (WEFT_TRY(parts.next()))
//     if (parts.file_name()) WEFT_TRY(parts.save(file)); else note = WEFT_TRY(parts.text(1000));
//
// Source: RFC 7578; RFC 2046, section 5.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <weft/http/message/multipart_parser.hpp>
#include <weft/http/request.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::io {
class file;
}

namespace weft::http {

/// Beyond each: content_too_large. The whole body is limited by the route.
struct multipart_limits {
  std::size_t parts = 128;
  /// Bytes of the fields of one part.
  std::size_t head = 4 << 10;
  /// Bytes of a part's name, and of its file's.
  std::size_t name = 256;
  /// Bytes of one part.
  std::uint64_t part = UINT64_MAX;
};

/// Moves only. Lives as long as its handler; one fiber at a time. After an error nothing more can be read.
class multipart {
 public:
  /// Takes up the body of `from`, of which nothing was read. Errors: unsupported_media_type: it is no
  /// multipart/form-data; bad_request: with no boundary, or a wrong one.
  [[nodiscard]] static result<multipart> open(request& from, multipart_limits limits = {});

  /// Goes to the next part, past what was not read of this one. False: there is none, and the body was read
  /// to its end.
  ///
  /// Blocks     the calling fiber, until its fields have come.
  /// Errors     bad_request: broken parts, or one without a name; content_too_large: a limit;
  ///            unsupported_media_type: a Content-Transfer-Encoding that changes bytes; else as
  ///            request::body().
  [[nodiscard]] result<bool> next(deadline until = {});

  // Of the present part; views live until next().

  std::string_view name() const noexcept { return name_; }
  /// Given for a file, even if it is empty. A client's word: never a path to open.
  std::optional<std::string_view> file_name() const noexcept {
    return is_file_ ? std::optional<std::string_view>{file_name_} : std::nullopt;
  }
  /// As the client says; "text/plain" if it says nothing.
  std::string_view content_type() const noexcept { return content_type_; }

  /// The next bytes; 0 at the end of the part. Blocks and errors as next().
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> into, deadline until = {});
  /// All that is left of the part. Errors: content_too_large: more than `size_max` bytes; else as next().
  [[nodiscard]] result<std::string> text(std::size_t size_max = 64 << 10, deadline until = {});
  /// Writes what is left of the part to `to`, where that stands. Returns how many bytes. Errors: as next(),
  /// and the file's.
  [[nodiscard]] result<std::uint64_t> save(io::file& to, deadline until = {});

 private:
  multipart(request& from, std::string_view boundary, const multipart_limits& limits);

  result<detail::multipart_parser::piece> take(deadline until);
  result<std::string_view> take_data(deadline until);
  result<void> skip_part(deadline until);
  result<void> read_head(std::string_view lines);
  result<void> read_field(std::string_view name, std::string_view value);
  result<void> read_disposition(std::string_view value);
  result<void> fill(deadline until);
  result<void> drop_rest(deadline until);

  request* from_;
  multipart_limits limits_;
  detail::multipart_parser parser_;
  std::size_t capacity_;
  std::unique_ptr<std::byte[]> window_;
  std::size_t begin_ = 0;   // of what the parser has not consumed,
  std::size_t end_ = 0;     // and its end
  std::string_view data_;   // of the part, that was not read yet
  std::uint64_t size_ = 0;  // of the part so far
  bool in_part_ = false;
  bool is_file_ = false;
  std::string name_;
  std::string file_name_;
  std::string content_type_;
};

}  // namespace weft::http

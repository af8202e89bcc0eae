// A file as it is served: its bytes, if they are in memory, and all that is said of them, made once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include <weft/http/message/byte_range.hpp>
#include <weft/http/message/entity_tag.hpp>
#include <weft/http/request.hpp>
#include <weft/http/response.hpp>
#include <weft/io/file.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http::detail {

struct served_file {
  /// `type`: its Content-Type, which outlives it. `coding`: its Content-Encoding, or nothing. `more_fields`:
  /// for each of its answers, 304 included, each "Name: value\r\n". `now`: seconds since 1970.
  served_file(const struct ::statx& status, std::string_view content_type, std::string_view coding,
              std::string_view more_fields, std::int64_t now);

  /// Whether `status` is that of the same file, unchanged.
  bool is(const struct ::statx& status) const noexcept;

  /// What it takes in memory, about.
  std::size_t bytes() const noexcept {
    return sizeof *this + fields.size() + etag.size() + kept_fields.size() + (content ? content->size() : 0);
  }

  file_moment modified;
  std::uint64_t size;
  std::uint64_t inode, device;
  std::string_view type;
  std::string etag;
  std::string fields;                          // with the body or a part of it
  std::string kept_fields;                     // with 304
  std::shared_ptr<const std::string> content;  // all of it; null: it is in the file only
};

/// Answers with a file, or with what the request's conditions and ranges leave of it.
class file_answer {
 public:
  file_answer(request& q, response& s) noexcept : request_{q}, response_{s} {}

  /// `opened` is read if the content is not in memory. The method is GET or HEAD.
  ///
  /// Blocks     the calling fiber, while the peer does not read.
  /// Errors     status::precondition_failed; what the connection and the file say.
  [[nodiscard]] result<void> send(const served_file& f, io::file& opened);

 private:
  result<void> send_whole(const served_file& f, io::file& opened);
  result<void> send_one(const served_file& f, io::file& opened, byte_range r);
  result<void> send_several(const served_file& f, io::file& opened, const byte_ranges& ranges);

  request& request_;
  response& response_;
};

}  // namespace weft::http::detail

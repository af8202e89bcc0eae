#include <weft/http/files/served_file.hpp>

#include <utility>

#include <sys/sysmacros.h>

#include <weft/http/files/multipart_ranges.hpp>
#include <weft/http/message/date.hpp>
#include <weft/http/request_conditions.hpp>

namespace weft::http::detail {
namespace {

std::uint64_t device_of(const struct ::statx& status) noexcept {
  return makedev(status.stx_dev_major, status.stx_dev_minor);
}

file_moment modified_of(const struct ::statx& status) noexcept {
  return {status.stx_mtime.tv_sec, status.stx_mtime.tv_nsec};
}

}  // namespace

served_file::served_file(const struct ::statx& status, std::string_view content_type, std::string_view coding,
                         std::string_view more_fields, std::int64_t now)
    : modified{modified_of(status)},
      size{status.stx_size},
      inode{status.stx_ino},
      device{device_of(status)},
      type{content_type},
      etag{file_tag(modified, size, coding, may_change_unseen(modified, now))} {
  kept_fields.append("ETag: ").append(etag).append("\r\n").append(more_fields);
  fields = kept_fields + "Accept-Ranges: bytes\r\n";
  // Only what the form has room for; and nobody is told that a file is from the future.
  if (modified.seconds >= 0 && modified.seconds <= now) {
    char date[date_length];
    format_date(modified.seconds, date);
    fields.append("Last-Modified: ").append(date, date_length).append("\r\n");
  }
  if (!coding.empty()) fields.append("Content-Encoding: ").append(coding).append("\r\n");
}

bool served_file::is(const struct ::statx& status) const noexcept {
  return modified == modified_of(status) && size == status.stx_size && inode == status.stx_ino &&
         device == device_of(status);
}

result<void> file_answer::send(const served_file& f, io::file& opened) {
  const validators v{
      .etag = f.etag, .modified = f.modified.seconds, .now = date_cache::coarse_unix_seconds()};
  const request_conditions made{request_};
  const conditions& c = made.fields();
  switch (evaluate(c, v, /*reads=*/true)) {
    case condition_answer::precondition_failed: return std::unexpected(status::precondition_failed);
    case condition_answer::not_modified:
      response_.status(status::not_modified);
      response_.add_fields(f.kept_fields);
      return {};
    case condition_answer::go_on: break;
  }
  const auto range = request_.header("range");
  // A range of anything but a GET is none: RFC 9110, section 14.2.
  if (!range || request_.method() != "GET" || !range_counts(c, v)) return send_whole(f, opened);
  const byte_ranges ranges = parse_ranges(*range, f.size);
  if (ranges.answer == range_answer::whole) return send_whole(f, opened);
  if (ranges.answer == range_answer::unsatisfiable) {
    response_.status(status::range_not_satisfiable)
        .header("Content-Range", "bytes */" + std::to_string(f.size))
        .text("Range Not Satisfiable\n");
    return {};
  }
  response_.status(status::partial_content);
  response_.add_fields(f.fields);
  return ranges.count == 1 ? send_one(f, opened, ranges.all[0]) : send_several(f, opened, ranges);
}

result<void> file_answer::send_whole(const served_file& f, io::file& opened) {
  response_.add_fields(f.fields);
  response_.header("Content-Type", f.type);
  if (f.content) {
    response_.share_body(f.content);
    return {};
  }
  response_.content_length(f.size);
  if (request_.method() == "HEAD") return {};
  return response_.write_file(opened, 0, f.size);
}

result<void> file_answer::send_one(const served_file& f, io::file& opened, byte_range r) {
  response_.header("Content-Range", content_range(r, f.size));
  if (f.content) {
    response_.body(f.content->substr(r.first, r.length), f.type);
    return {};
  }
  response_.header("Content-Type", f.type).content_length(r.length);
  return response_.write_file(opened, r.first, r.length);
}

result<void> file_answer::send_several(const served_file& f, io::file& opened, const byte_ranges& ranges) {
  const std::string boundary = random_boundary();
  const multipart_ranges parts{ranges, f.size, f.type, boundary};
  if (f.content) {
    std::string all;
    all.reserve(parts.length());
    for (std::size_t i = 0; i < ranges.count; ++i)
      all.append(parts.before(i)).append(*f.content, ranges.all[i].first, ranges.all[i].length);
    all += parts.end();
    response_.body(std::move(all), parts.content_type());
    return {};
  }
  response_.header("Content-Type", parts.content_type()).content_length(parts.length());
  for (std::size_t i = 0; i < ranges.count; ++i) {
    WEFT_TRY(response_.write(parts.before(i)));
    WEFT_TRY(response_.write_file(opened, ranges.all[i].first, ranges.all[i].length));
  }
  return response_.write(parts.end());
}

}  // namespace weft::http::detail

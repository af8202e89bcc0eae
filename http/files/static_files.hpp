// Serves the files below a directory:
//
//   routes.get("/files/{path...}", http::static_files{"/srv/www", {.cache_control = "max-age=60"}});
//
// No request leaves the directory, whatever its path, its encoding or the links in it say: the kernel itself
// keeps each path beneath it (openat2, RESOLVE_BENEATH), where comparing names has gone wrong in many
// servers. Links are followed as long as they stay within.
//
// Answers GET and HEAD, with ETag and Last-Modified and all conditions on them, with one range or several.
// Small files are kept in memory, by each worker, and are looked at again when they were not for a second;
// large ones go from the page cache to the socket, as fast as the client reads.
//
// Source: RFC 9110, sections 8.8, 13 and 14.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <weft/http/handler.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http {

struct static_files_options {
  /// What a path that ends with a slash is answered with: the first of these that is in that directory.
  std::vector<std::string> index{"index.html"};
  /// Whether a directory without any of them is answered with a list of what is in it, and not with 404:
  /// of 10,000 names at most.
  bool listing = false;
  /// Whether files and directories whose names begin with a dot are served and listed. /.well-known always
  /// is.
  bool hidden = false;
  /// Whether a.js.br, a.js.zst or a.js.gz is sent for a.js to who takes it, if it is not older.
  bool precompressed = false;
  /// The value of Cache-Control; empty: none is sent.
  std::string cache_control{};
  /// The route's parameter that is the path below the directory.
  std::string parameter{"path"};
  /// Bytes that each worker keeps of small files, at most 4096 of them; 0: none. Which are small: in bytes.
  std::size_t memory = 16 << 20;
  std::size_t small_file_max = 32 << 10;
  /// For how long a file in memory is served without a look at whether it has changed.
  std::chrono::nanoseconds trusted = std::chrono::seconds{1};
};

/// A handler. Moves only; belongs to one runtime.
class static_files {
 public:
  /// That `root` is there is not looked at before the first request; if it is not, answers are 500. A
  /// Cache-Control that cannot be a field is an assertion.
  explicit static_files(std::string root, static_files_options options = {});
  static_files(static_files&&) noexcept;
  static_files& operator=(static_files&&) noexcept;
  ~static_files();

  /// Errors     status::not_found (also for what may not be served), forbidden, precondition_failed,
  ///            service_unavailable (no descriptors are left); else what the connection and the disk say.
  result<void> operator()(request& q, response& s) const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace weft::http

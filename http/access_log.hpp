// A log file that requests write to and never wait for: lines are collected in memory, and a fiber writes
// them out, all that there are at once.
//
//   auto log = WEFT_TRY(http::access_log::open("/var/log/weft/access.log"));
//   auto writing = weft::spawn([&] { return log.run(); });
//   routes.use(http::logger{{.sink = [&](std::string_view line) { log.write(line); }}});
//   ...
//   log.close();                 // when no request runs any more; what was collected is still written
//   WEFT_TRY(writing.join());
//
// If the disk is slower than the requests, or full, lines are lost rather than requests held up; how many,
// and why, the error sink hears, once a second at most.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <weft/runtime/base/result.hpp>

namespace weft::http {

struct access_log_options {
  /// Bytes that are collected at most while others are being written.
  std::size_t pending_max = 4 << 20;
  /// How often it is written, at most: so many lines share one write.
  std::chrono::nanoseconds interval = std::chrono::milliseconds{100};
};

/// Moves only, and not while anybody uses it.
class access_log {
 public:
  /// Appends to the file at `path`, which is made if it is not there; "-": to standard output.
  ///
  /// Errors     those of open(2).
  [[nodiscard]] static result<access_log> open(const std::string& path, access_log_options options = {});

  access_log(access_log&&) noexcept;
  access_log& operator=(access_log&&) noexcept;
  ~access_log();

  /// Adds a line, without its end.
  ///
  /// Safe from  any fiber or thread. Never waits but for another's copying.
  void write(std::string_view line) const noexcept;

  /// Writes out, until close(). Once.
  ///
  /// Blocks     the calling fiber.
  /// Errors     canceled: it was asked to stop; what had been collected was written.
  [[nodiscard]] result<void> run();

  /// Makes run() write what there is, and return. Safe from any fiber or thread.
  void close() noexcept;

  /// Lines that were lost.
  std::uint64_t lost() const noexcept;

 private:
  struct state;

  explicit access_log(std::unique_ptr<state> made) noexcept;

  std::unique_ptr<state> state_;
};

}  // namespace weft::http

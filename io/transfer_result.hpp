// What came of moving bytes from one descriptor to another: how many, by which way, and on failure how far it
// had got by then.
//
//   const io::transfer_result sent = io::transfer(file, client);
//   if (!sent) std::printf("%s after %llu bytes", sent.error().message(), sent.error().moved.bytes);
//
// A failure is a std::error_code with what had been moved, so WEFT_TRY passes it on as any other error.
#pragma once

#include <cstdint>
#include <expected>
#include <system_error>

namespace weft {
namespace io {

/// How bytes got from one to the other: `copying` if any of them were copied through memory.
enum class transfer_way : std::uint8_t {
  none,             // nothing was moved
  sendfile,         // from the page cache to where they go
  splice,           // as pages, through a pipe
  tee,              // the same pages once more
  copy_file_range,  // within or between file systems, which may only note that they are the same
  zero_copy,        // sent from the caller's own memory
  copying,          // read into memory, and written from there
};

/// Its name, as above.
const char* to_string(transfer_way way) noexcept;

struct transferred {
  std::uint64_t bytes = 0;  // that have arrived at the target
  // From the source. A transfer has taken more than `bytes` only after an error, and what is more has gone
  // from a socket, a pipe, or before a file's own position; of io::pipe, it is what the function was given.
  std::uint64_t taken = 0;
  transfer_way way = transfer_way::none;
};

struct transfer_failure : std::error_code {
  transferred moved{};
};

using transfer_result = std::expected<transferred, transfer_failure>;

}  // namespace io

inline io::transferred take(io::transfer_result&& r) noexcept { return *r; }
inline io::transferred take(const io::transfer_result& r) noexcept { return *r; }

}  // namespace weft

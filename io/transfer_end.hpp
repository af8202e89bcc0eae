// Where bytes come from or go to: a file, a stream, or a plain descriptor number.
//
//   io::transfer(file, client);            // from the file's own position
//   io::transfer({file, 4096}, client);    // from there, and the position stays
//
// Made where it is needed, as an argument, and borrows what it is made of.
#pragma once

#include <cstdint>

#include <weft/io/byte_stream.hpp>
#include <weft/io/file.hpp>

namespace weft {
namespace detail {
class transfer_side;
}

namespace io {

class transfer_end {
 public:
  static constexpr std::uint64_t own_position = ~std::uint64_t{0};

  /// `at`: an offset, which leaves the file's own position alone. Not of a target that is appended to.
  transfer_end(file& of, std::uint64_t at = own_position) noexcept
      : file_{&of.descriptor_}, at_{static_cast<std::int64_t>(at)} {}

  /// A TCP or unix stream, an end of a pipe. If it is a socket, it becomes non-blocking, for good.
  transfer_end(detail::socket_stream& of) noexcept : stream_{&of.descriptor_} {}
  transfer_end(detail::file_stream& of) noexcept : stream_{&of.descriptor_} {}

  /// A number that stays the caller's, and open until the call has returned. A socket becomes non-blocking,
  /// for good. `at`: as of a file.
  transfer_end(int fd, std::uint64_t at = own_position) noexcept
      : fd_{fd}, at_{static_cast<std::int64_t>(at)} {}

 private:
  friend class detail::transfer_side;

  detail::descriptor* stream_ = nullptr;
  detail::shared_descriptor* file_ = nullptr;
  int fd_ = -1;
  std::int64_t at_ = -1;
};

}  // namespace io
}  // namespace weft

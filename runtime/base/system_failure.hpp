// What the kernel said, as the failure of a result.
#pragma once

#include <cerrno>
#include <expected>
#include <system_error>

namespace weft::detail {

/// The failure that `error` stands for: errno, unless one says which.
[[nodiscard]] inline std::unexpected<std::error_code> system_failure(int error = errno) noexcept {
  return std::unexpected(std::error_code{error, std::system_category()});
}

}  // namespace weft::detail

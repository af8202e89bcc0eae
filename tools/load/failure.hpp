// What can become of a request that was not answered as it should have been.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

#include <weft/runtime/base/errc.hpp>

enum class failure : std::uint8_t { none, connect, write, read, timeout, protocol, status, content };

/// By their numbers.
inline constexpr auto failure_names = std::to_array<std::string_view>(
    {"none", "connect", "write", "read", "timeout", "protocol", "status", "content"});

/// What `why` is, where it ended a step that is `step` if nothing else.
inline failure failure_of(const std::error_code& why, failure step) noexcept {
  if (why == weft::errc::deadline_exceeded) return failure::timeout;
  if (why == weft::errc::protocol || why == weft::errc::limit || why == weft::errc::unsupported)
    return failure::protocol;
  return step;
}

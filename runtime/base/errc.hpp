// The error codes that weft itself makes. What the kernel reports stays in std::system_category.
#pragma once

#include <system_error>

namespace weft {

/// Why a call failed that the kernel did not fail. Each also equals the std::errc named beside it.
enum class errc {
  closed = 1,         ///< the object was closed, here or by someone else (bad_file_descriptor)
  canceled,           ///< the fiber was asked to stop (operation_canceled)
  deadline_exceeded,  ///< the deadline passed first (timed_out)
  limit,              ///< a configured limit is reached; nothing was done (no_buffer_space)
  would_block,        ///< a try_ call could not go on at once (operation_would_block)
  end_of_stream,  ///< the peer ended the stream before all had come that was asked for (no_message_available)
  protocol,       ///< the peer broke the protocol (protocol_error)
  unsupported,    ///< this machine or build cannot do it (operation_not_supported)
};

/// The category of errc; its name is "weft".
const std::error_category& weft_category() noexcept;

std::error_code make_error_code(errc) noexcept;

namespace detail {
/// What errc `value` means, as message() says it but without allocating; nullptr for a value that is none.
const char* errc_message(int value) noexcept;
}  // namespace detail

}  // namespace weft

template <>
struct std::is_error_code_enum<weft::errc> : std::true_type {};

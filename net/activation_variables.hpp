// The variables by which sockets are handed over.
#pragma once

#include <array>
#include <string_view>

namespace weft::detail {

inline constexpr int first_passed = 3;  // SD_LISTEN_FDS_START: the first descriptor that is a socket

inline constexpr const char* listen_fds = "LISTEN_FDS";
inline constexpr const char* listen_pid = "LISTEN_PID";
inline constexpr const char* listen_names = "LISTEN_FDNAMES";
// weft's own, valid for LISTEN_PID too: the write end of the pipe at which the predecessor waits for a byte.
inline constexpr const char* ready_fd = "WEFT_READY_FD";

inline constexpr std::array activation_variables = {listen_fds, listen_pid, listen_names, ready_fd};

}  // namespace weft::detail

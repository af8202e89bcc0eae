// Sockets that this process was started with: by systemd, by a predecessor (see successor.hpp), or by
// whatever else keeps the convention of sd_listen_fds(3).
//
// LISTEN_FDS says how many there are, from descriptor 3 on, LISTEN_PID for which process they are meant, and
// LISTEN_FDNAMES what they are called. A process that has them for another one, say because its parent handed
// the environment on, was given nothing.
//
//   auto given = weft::net::activated_sockets();         // in main(), before there are threads
//   for (auto& one : given->sockets) server.listen("fd:" + std::to_string(one.socket.release()));
//   given->report_ready();                               // what a predecessor waits for
#pragma once

#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

#include <weft/io/owned_descriptor.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::net {

/// What is wrong with the environment or the descriptors.
enum class activation_error {
  bad_count = 1,  ///< LISTEN_FDS is no number from 0 up
  bad_pid,        ///< LISTEN_PID is no process number
  bad_names,      ///< LISTEN_FDNAMES has not one name for each
  not_open,       ///< one that LISTEN_FDS counts is no open descriptor
  not_listening,  ///< one of them is no stream socket that listens
};

/// The category of activation_error; its name is "weft.socket_activation".
const std::error_category& activation_category() noexcept;

std::error_code make_error_code(activation_error) noexcept;

struct activated_socket {
  io::owned_descriptor socket;  // listens, IPv4, IPv6 or unix; close-on-exec
  std::string name;             // of LISTEN_FDNAMES; systemd's default is the unit's; "" without
};

struct activation {
  std::vector<activated_socket> sockets;
  io::owned_descriptor ready;  // a successor's: what its predecessor waits at; none without one

  /// Whether this is to take the place of a process that runs.
  bool is_successor() const noexcept { return static_cast<bool>(ready); }

  /// Says that this process is up and will accept: from now on the predecessor does not. Without one nothing
  /// happens. Once.
  ///
  /// Errors     the kernel's: EPIPE if the predecessor has gone, which is no reason to end.
  result<void> report_ready() noexcept;
};

/// The sockets that this process was given, and removes the variables that say so, which are not for its
/// children. So the second call gives none.
///
/// Errors     activation_error. What was given stays open then.
/// Safe from  a process of one thread, for it changes the environment.
[[nodiscard]] result<activation> activated_sockets();

}  // namespace weft::net

template <>
struct std::is_error_code_enum<weft::net::activation_error> : std::true_type {};

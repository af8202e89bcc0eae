// Zero-downtime restart: starts the program that is to take this process's place, with its listening sockets,
// and waits until it is up.
//
//   auto sockets = WEFT_TRY(server.sockets());
//   const auto next = WEFT_TRY(weft::net::start_successor({"/usr/bin/service", "--flag"}, sockets, 30s));
//   if (!next.ended) server.hand_over();    // it accepts from now on; what is at hand here is answered here
//
// The sockets are the same ones in both processes, so that a client which connects in the meantime waits in a
// queue that one of the two empties: none is refused, and none is reset when this process closes its copy.
// That holds only if all of them are passed, one for each worker where they share a port (SO_REUSEPORT), and
// the successor accepts at all of them, however many workers it has; http::server does both.
//
// The successor finds them by activated_sockets() (the variables of sd_listen_fds(3), LISTEN_PID included),
// and says that it is up by activation::report_ready(): a byte into a pipe whose number is in
// WEFT_READY_FD. Source of the idea: nginx's "Upgrading Executable on the Fly", and the notification
// descriptor of s6. The names of LISTEN_FDNAMES are not handed on.
//
// The successor is another process, so a supervisor that knows one by its number (systemd without PIDFile=)
// takes the service for ended: let that one have the sockets, and restart the service.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <weft/io/owned_descriptor.hpp>
#include <weft/io/process.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::net {

/// What has become of it.
struct successor {
  pid_t pid = 0;
  std::optional<process::exit_status> ended{};  // before it was ready: so; else it is, and runs on by itself
};

/// Starts `arguments`, the first of which is the program, searched for in PATH, with `sockets` as its
/// descriptors from 3 on, and waits until it says that it is ready. It has the environment and the standard
/// descriptors of this process, no signal blocked or caught, and stays behind when this one exits.
///
/// Blocks     the calling fiber.
/// Errors     what starting a program gives (ENOENT, EACCES, ENOMEM, EMFILE); limit: the offload pool takes
///            no more. deadline_exceeded, canceled: it was started and was not ready, and has been killed;
///            as it accepts only when it is ready, no client has noticed.
/// Safe from  any fiber.
/// Cost       a fork(): the page tables of this process are copied.
[[nodiscard]] result<successor> start_successor(const std::vector<std::string>& arguments,
                                                std::span<const io::owned_descriptor> sockets,
                                                deadline until = {});

}  // namespace weft::net

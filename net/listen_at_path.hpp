// A unix socket that listens at a path, even if one that nobody listens at is there already.
//
// A process that crashes leaves its socket file behind, and bind() refuses a path that is there. Whether
// somebody listens, connect() tells: ECONNREFUSED says that nobody does. Two processes that find the same
// dead file at the same time must not both replace it, or the second unlinks the socket that the first has
// just bound; so the folder is locked (flock) from the look at the file until the new socket listens. Only
// what would unlink takes the lock: a first start needs none, and no permission to read the folder. (What
// is left: a rival that looks between the bind and the listen of a first start takes it for dead. These are
// two system calls in a row.)
//
// What others do: HAProxy renames a new file into place, gunicorn and h2o unlink whatever socket is there,
// which takes the path from a server that runs; nginx and Go leave it to the administrator.
#pragma once

#include <weft/io/owned_descriptor.hpp>
#include <weft/net/unix_address.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::detail {

/// Listens at `at`, non-blocking and close-on-exec.
///
/// Errors     EADDRINUSE: somebody listens there, is about to, or it is no socket. What else the kernel says.
[[nodiscard]] result<io::owned_descriptor> listen_at_path(const net::unix_address& at, int backlog) noexcept;

}  // namespace weft::detail

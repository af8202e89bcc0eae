// Bytes from one descriptor to another, without passing through the program where the kernel can.
//
//   io::transfer(file, client);           // a file to a socket: sendfile
//   io::transfer(client, backend, n);     // a socket to a socket: splice, through a pipe of the worker's
//   io::transfer(log, {archive, 0});      // a file to a file: copy_file_range
//
// transfer() chooses; the others begin with the way of their name. Where the kernel refuses, each goes on by
// copying through memory, and the result says which way it was. No transfer raises SIGPIPE.
//
// Source: sendfile(2), splice(2), tee(2), copy_file_range(2).
#pragma once

#include <cstdint>

#include <weft/io/transfer_end.hpp>
#include <weft/io/transfer_result.hpp>
#include <weft/runtime/base/deadline.hpp>

namespace weft::io {

/// As many bytes as there are.
inline constexpr std::uint64_t to_the_end = ~std::uint64_t{0};

// Each moves `n` bytes, fewer only if the source ends before, as a file does that is truncated meanwhile. The
// bytes of one transfer arrive together: who else writes to the same stream, or reads from it, waits.
//
//   Blocks     the calling fiber or foreign thread.
//   Errors     closed (either end), canceled, deadline_exceeded, EPIPE, ENOSPC and all else that the kernel
//              says; limit: the offload pool takes no more. EINVAL: source and target are one pipe, or
//              overlap in one file or on one block device, or the target has an offset and is appended to
//              (O_APPEND); nothing has been moved. What was moved before is in the error.
//   Cancelled  between two pieces of at most 16 MiB, or when the kernel has let go of the one under way. What
//              had been taken by then and not delivered is lost, `taken` less `bytes`, unless the source is a
//              file: there one can go on at `bytes` beyond where it began, whatever its own position says.
//   Safe from  any fiber or thread.

/// The best way for these two. `by`: begin with that one instead, if they can go it.
[[nodiscard]] transfer_result transfer(transfer_end source, transfer_end target, std::uint64_t n = to_the_end,
                                       deadline until = {}, transfer_way by = transfer_way::none);

/// From a file to a socket or a file, without a pipe.
[[nodiscard]] transfer_result sendfile(transfer_end source, transfer_end target, std::uint64_t n = to_the_end,
                                       deadline until = {});

/// Between files, sockets and pipes: pages change hands.
[[nodiscard]] transfer_result splice(transfer_end source, transfer_end target, std::uint64_t n = to_the_end,
                                     deadline until = {});

/// From a file to a file: within a file system that can share their blocks nothing is copied at all.
[[nodiscard]] transfer_result copy_file_range(transfer_end source, transfer_end target,
                                              std::uint64_t n = to_the_end, deadline until = {});

/// Once, what is in the pipe `source`, at least one byte and at most `n`, which stays there to be read; 0 at
/// the end. `taken` is 0.
///
/// Errors     EINVAL: `source` is no pipe.
[[nodiscard]] transfer_result tee(transfer_end source, transfer_end target, std::uint64_t n = to_the_end,
                                  deadline until = {});

}  // namespace weft::io

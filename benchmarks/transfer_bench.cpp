// Sends a file to a port of the loopback by one way and says what that took; for benchmarks/transfers, which
// runs it beside benchmarks/rivals/sendfile.c.
//
//   weft-transfer FILE PORT sendfile|splice|copying|ring_splice
//
// ring_splice is no way of weft's: two splices through the ring, by hand, for the comparison that
// io/transfer_work.hpp cites.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <liburing.h>
#include <unistd.h>

#include <weft/io/transfer.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/runtime/runtime.hpp>

#include "harness.hpp"

namespace {

using weft::io::transfer_way;

transfer_way way_of(std::string_view name) {
  for (const auto way : {transfer_way::sendfile, transfer_way::splice, transfer_way::copying})
    if (name == weft::io::to_string(way)) return way;
  return transfer_way::none;
}

// Waits until the peer has it all.
weft::result<void> finish(weft::net::tcp_stream& to) {
  WEFT_TRY(to.shutdown_write());
  std::array<std::byte, 1> all_there;
  return to.read_exactly(all_there);
}

int report(const bench::sample& took) {
  std::printf("%llu %lld %lld\n", static_cast<unsigned long long>(took.operations),
              static_cast<long long>(took.wall_ns), static_cast<long long>(took.cpu_ns));
  return 0;
}

weft::result<int> send(std::string_view path, const std::string& port, transfer_way by) {
  weft::io::file file = WEFT_TRY(weft::io::file::open(path));
  weft::net::tcp_stream to = WEFT_TRY(weft::net::tcp_stream::connect("127.0.0.1:" + port));
  const bench::stopwatch watch;
  const auto moved = WEFT_TRY(weft::io::transfer(file, to, weft::io::to_the_end, {}, by));
  if (moved.way != by) return std::unexpected(weft::errc::unsupported);
  WEFT_TRY(finish(to));
  return report(watch.stop(moved.bytes));
}

int splice_by_ring(io_uring& ring, int from, int to) {
  constexpr unsigned size = 256 << 10;
  io_uring_prep_splice(io_uring_get_sqe(&ring), from, -1, to, -1, size, SPLICE_F_MOVE);
  io_uring_submit_and_wait(&ring, 1);
  io_uring_cqe* done = nullptr;
  if (io_uring_wait_cqe(&ring, &done) != 0) return -1;
  const int moved = done->res;
  io_uring_cqe_seen(&ring, done);
  return moved;
}

weft::result<int> send_by_ring(const char* path, const std::string& port) {
  weft::net::tcp_stream to = WEFT_TRY(weft::net::tcp_stream::connect("127.0.0.1:" + port));
  const int file = ::open(path, O_RDONLY | O_CLOEXEC), socket = to.native_handle();
  int pipe[2];
  io_uring ring;
  if (file < 0 || ::pipe2(pipe, O_CLOEXEC) != 0 || io_uring_queue_init(8, &ring, 0) != 0)
    return std::unexpected(weft::errc::unsupported);
  ::fcntl(pipe[1], F_SETPIPE_SZ, 256 << 10);
  (void)::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) & ~O_NONBLOCK);
  std::uint64_t moved = 0;
  const bench::stopwatch watch;
  while (const int filled = splice_by_ring(ring, file, pipe[1])) {
    if (filled < 0) return std::unexpected(weft::errc::unsupported);
    for (int left = filled; left > 0;) {
      const int sent = splice_by_ring(ring, pipe[0], socket);
      if (sent <= 0) return std::unexpected(weft::errc::unsupported);
      left -= sent;
      moved += static_cast<std::uint64_t>(sent);
    }
  }
  WEFT_TRY(finish(to));
  return report(watch.stop(moved));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: weft-transfer FILE PORT sendfile|splice|copying|ring_splice\n", stderr);
    return 2;
  }
  const transfer_way by = way_of(argv[3]);
  const auto run = [&]() -> weft::result<int> {
    if (by == transfer_way::none) return send_by_ring(argv[1], argv[2]);
    return send(argv[1], argv[2], by);
  };
  return weft::exit_status(weft::run(run, {.workers = 1}), "weft-transfer");
}

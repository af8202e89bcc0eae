// Blocks of 64 KiB from one fiber to another over a TCP connection of the loopback, copied into the kernel
// and sent from where they are (SEND_ZC). One operation is one block sent and received. The loopback has no
// card that could read the sender's pages, so the kernel copies them late instead of early: what this row
// shows is what zero copy costs where it cannot pay.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <weft/net/tcp_listener.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/spawn.hpp>

#include "harness.hpp"

namespace {

constexpr std::size_t block = 64 << 10;

void check(bool good) {
  if (good) return;
  std::fputs("weft-bench: a stream of the loopback failed\n", stderr);
  std::exit(1);
}

template <class Send>
bench::sample send_blocks(std::uint64_t operations, Send send) {
  return weft::run(
      [&] {
        auto listener = weft::net::tcp_listener::bind("127.0.0.1:0").value();
        auto near = weft::net::tcp_stream::connect(listener.local_address()).value();
        auto far = listener.accept().value();
        const std::vector<std::byte> bytes(block, std::byte{'z'});
        std::vector<std::byte> got(block);
        const bench::stopwatch watch;
        auto receiver = weft::spawn([&] {
          for (std::uint64_t i = 0; i < operations; ++i) check(far.read_exactly(got).has_value());
        });
        for (std::uint64_t i = 0; i < operations; ++i) check(send(near, bytes));
        receiver.join();
        return watch.stop(operations);
      },
      {.workers = 1});
}

bench::sample copied(std::uint64_t operations) {
  return send_blocks(operations, [](auto& to, auto& bytes) { return to.write_all(bytes).has_value(); });
}

bench::sample zero_copy(std::uint64_t operations) {
  return send_blocks(operations,
                     [](auto& to, auto& bytes) { return to.write_all_zero_copy(bytes).has_value(); });
}

const int rows[] = {
    bench::time_row("send/copy_64k", copied),
    bench::time_row("send/zc_64k", zero_copy),
};

}  // namespace

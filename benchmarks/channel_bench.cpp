// Channels between two fibers of one worker: a round trip through two channels of capacity 0, messages
// through one of capacity 0 and through one of 128, and select over two channels that are always ready.
#include <cstdint>

#include <weft/runtime/channel.hpp>
#include <weft/runtime/runtime.hpp>

#include "harness.hpp"

namespace {

// One operation is a message there and its answer.
bench::sample ping_pong(std::uint64_t operations) {
  return weft::run(
      [operations] {
        weft::channel<std::uint64_t> there{0}, back{0};
        auto answers = weft::spawn([&] {
          for (const std::uint64_t n : there)
            if (!back.send(n + 1)) return;
        });
        std::uint64_t n = 0;
        const bench::stopwatch watch;
        while (n < operations) {
          if (!there.send(n)) break;
          n = *back.recv();
        }
        const bench::sample taken = watch.stop(n);
        there.close();
        answers.join();
        return taken;
      },
      {.workers = 1});
}

// One operation is one message.
template <std::size_t Capacity>
bench::sample stream(std::uint64_t operations) {
  return weft::run(
      [operations] {
        weft::channel<std::uint64_t> numbers{Capacity};
        auto sender = weft::spawn([&] {
          for (std::uint64_t i = 0; i < operations; ++i)
            if (!numbers.send(i)) return;
          numbers.close();
        });
        std::uint64_t received = 0;
        const bench::stopwatch watch;
        while (numbers.recv()) ++received;
        const bench::sample taken = watch.stop(received);
        sender.join();
        return taken;
      },
      {.workers = 1});
}

const int rows[] = {
    bench::time_row("channel/ping_pong", ping_pong),
    bench::time_row("channel/unbuffered", stream<0>),
    bench::time_row("channel/buffered_128", stream<128>),
};

}  // namespace

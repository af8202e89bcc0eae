// Channels between two fibers: a round trip through two channels of capacity 0, messages through one of
// capacity 0 and through one of 128, and select over two channels that are always ready, all on one worker;
// and how long each single round trip takes, on one worker and between two.
#include <cstdint>
#include <vector>

#include <weft/runtime/channel.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/select.hpp>

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

// The same, each timed: two looks at the clock are part of it.
template <std::size_t Workers>
bench::sample round_trips(std::uint64_t operations, std::vector<std::int64_t>& each) {
  return weft::run(
      [&] {
        weft::channel<std::uint64_t> there{0}, back{0};
        auto answers = weft::spawn(
            [&] {
              for (const std::uint64_t n : there)
                if (!back.send(n + 1)) return;
            },
            {.worker = Workers - 1});
        auto asks = weft::spawn(
            [&] {
              const bench::stopwatch watch;
              for (std::uint64_t n = 0; n < operations;) {
                const std::int64_t begin = bench::clock_ns(CLOCK_MONOTONIC);
                if (!there.send(n)) break;
                n = *back.recv();
                each.push_back(bench::clock_ns(CLOCK_MONOTONIC) - begin);
              }
              return watch.stop(operations);
            },
            {.worker = 0});
        const bench::sample taken = asks.join();
        there.close();
        answers.join();
        return taken;
      },
      {.workers = Workers});
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

// One operation is a select of one of two channels that both have a value, and the value's way back.
bench::sample select_2_ready(std::uint64_t operations) {
  return weft::run(
      [operations] {
        weft::channel<std::uint64_t> first{1}, second{1};
        std::uint64_t chosen = 0;
        if (!first.send(0) || !second.send(0)) return bench::sample{};
        const auto back_to = [&chosen](weft::channel<std::uint64_t>& of) {
          return [&](weft::result<std::uint64_t> n) {
            if (of.send(*n + 1)) ++chosen;
          };
        };
        const bench::stopwatch watch;
        while (chosen < operations)
          if (!weft::select(weft::on_recv(first, back_to(first)), weft::on_recv(second, back_to(second))))
            break;
        return watch.stop(chosen);
      },
      {.workers = 1});
}

const int rows[] = {
    bench::time_row("channel/ping_pong", ping_pong),
    bench::latency_row("channel/round_trip", round_trips<1>, {.operations = 100'000, .repetitions = 3}),
    bench::latency_row("channel/cross_thread", round_trips<2>, {.operations = 20'000, .repetitions = 3}),
    bench::time_row("channel/unbuffered", stream<0>),
    bench::time_row("channel/buffered_128", stream<128>),
    bench::time_row("select/2_ready", select_2_ready),
};

}  // namespace

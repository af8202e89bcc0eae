// descriptor over the simulated kernel: turns, deadlines and stops, close against everything, on two
// workers. The kernel's answers come late and short, some only when asked to end, and a cancelled operation
// may still succeed.
#include "descriptor_fixture.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <sim/explore.hpp>
#include <sim/kernel.hpp>
#include <sim/sim.hpp>
#include <weft/io/descriptor.hpp>
#include <weft/runtime/runtime.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::descriptor;
using detail::operation_code;

constexpr std::uint64_t seeds = 10'000;
constexpr simulator_options two_workers{.workers = 2};

// Half of the operations end only when asked to; never two of one direction at a time.
void script_kernel(sim& world, bool all_end = false) {
  detail::set_kernel_script([&world, all_end](const detail::operation& op, detail::random_source& random) {
    world.check(detail::operations_in_flight(op.fd, op.code) == 0, "two operations in one direction");
    detail::kernel_answer answer = detail::random_answer(op, random);
    answer.never = !all_end && random.one_in(2);
    return answer;
  });
}

// Readers and a writer, some with a deadline, one to be stopped; close() comes from a fiber or a thread at
// any time.
void close_against_users(sim& world) {
  script_kernel(world);
  world.rt();
  const int fd = some_descriptor();
  descriptor d{fd};
  const deadline until = world.in(100us);
  int ended = 0;
  bool closed = false;
  const auto receives = [&](deadline by) {
    for (int i = 0; i < 2; ++i) {
      const bool was_closed = closed;
      std::array<std::byte, 16> bytes;
      const result<std::size_t> r = d.recv(bytes, 0, by);
      world.check(!was_closed || (!r && r.error() == errc::closed), "used after close()");
      if (!r) {
        world.check(is_any_of(r.error(), {errc::closed, errc::deadline_exceeded, errc::canceled}),
                    "the wrong error");
        world.check(r.error() != errc::deadline_exceeded || by.expired(), "too early");
        if (r.error() == errc::closed) break;
      }
    }
    ++ended;
  };
  const auto sends = [&] {
    std::array<std::byte, 16> bytes{};
    const result<std::size_t> r = d.send(bytes);
    world.check(r.has_value() || r.error() == errc::closed, "the wrong error");
    ++ended;
  };
  const auto closes = [&] {
    if (world.random(2) == 0) {
      detail::wait w{/*cancellable=*/false};
      (void)park(w, until, detail::park_reason::sleep);
    }
    d.close();
    closed = true;
    world.check(detail::operations_in_flight(fd) == 0, "closed under an operation");
    world.check(d.native_handle() == -1, "closed, and still has a number");
  };
  world.spawn([&] { receives(deadline::never()); }, "reader");
  world.spawn([&] { receives(until); }, "timed reader");
  world.spawn(sends, "writer");
  auto stopped = world.rt().spawn([&] { receives(deadline::never()); });
  for (std::uint64_t closers = 1 + world.random(2); closers > 0; --closers) {
    if (world.random(2) == 0) world.spawn(closes, "closer");
    else world.thread(closes, "closer");
  }
  world.thread([&] { (void)stopped.request_stop(); }, "stopper");
  world.run();
  stopped.join();
  world.check(ended == 4, "an operation is lost");
  detail::set_kernel_script({});
}

// Users of when_ready(): what they try fails a few times, or for ever; one has a deadline, one is stopped,
// and close() comes while they try, wait for readiness or pause.
void close_against_attempts(sim& world) {
  script_kernel(world);
  world.rt();
  const int fd = some_descriptor();
  descriptor d{fd};
  const deadline until = world.in(2ms);
  int ended = 0;
  bool closed = false;
  const auto tries = [&](deadline by) {
    std::uint64_t failures = world.random(5);
    const bool in_vain = failures == 4;
    const bool was_closed = closed;
    const result<std::size_t> r = d.when_ready(
        POLLIN,
        [&](int at) noexcept -> detail::outcome {
          world.check(at == fd && !closed, "tried after close()");
          return in_vain || failures-- > 0 ? -EAGAIN : 7;
        },
        by);
    world.check(!was_closed || (!r && r.error() == errc::closed), "used after close()");
    if (r) world.check(*r == 7 && !in_vain, "the wrong value");
    else
      world.check(is_any_of(r.error(), {errc::closed, errc::deadline_exceeded, errc::canceled}),
                  "the wrong error");
    world.check(r || r.error() != errc::deadline_exceeded || by.expired(), "too early");
    ++ended;
  };
  const auto closes = [&] {
    if (world.random(2) == 0) {
      detail::wait w{/*cancellable=*/false};
      (void)park(w, world.random(2) == 0 ? until : world.in(1ms), detail::park_reason::sleep);
    }
    d.close();
    closed = true;
  };
  world.spawn([&] { tries(deadline::never()); }, "user");
  world.spawn([&] { tries(until); }, "timed user");
  auto stopped = world.rt().spawn([&] { tries(deadline::never()); });
  if (world.random(2) == 0) world.spawn(closes, "closer");
  else world.thread(closes, "closer");
  world.thread([&] { (void)stopped.request_stop(); }, "stopper");
  world.run();
  stopped.join();
  world.check(ended == 3, "a user is lost");
  detail::set_kernel_script({});
}

// Nobody closes: each reader, on either worker, gets its turn.
void take_turns(sim& world) {
  script_kernel(world, /*all_end=*/true);
  descriptor d{some_descriptor()};
  int received = 0;
  constexpr int readers = 3, times = 2;
  for (int i = 0; i < readers; ++i)
    world.spawn(
        [&] {
          for (int k = 0; k < times; ++k) {
            std::array<std::byte, 16> bytes;
            world.check(d.recv(bytes).has_value(), "recv failed");
            ++received;
          }
        },
        "reader");
  world.run();
  world.check(received == readers * times, "a turn is lost");
  detail::set_kernel_script({});
}

TEST(SimulatedDescriptor, close_ends_every_use_and_waits_for_the_kernel) {
  explore(seeds, close_against_users, two_workers);
}

TEST(SimulatedDescriptor, close_and_deadlines_and_stops_end_attempts) {
  explore(seeds, close_against_attempts, two_workers);
}

TEST(SimulatedDescriptor, everybody_gets_a_turn) { explore(seeds, take_turns, two_workers); }

TEST(SimulatedDescriptor, slow_threads_change_nothing) {
  explore(seeds / 2, close_against_users, {.slowness = 50, .workers = 2});
}

TEST(SimulatedDescriptor, every_operation_is_needed) {
  const auto race = [](sim& world) {
    switch (world.random(3)) {
      case 0: return close_against_users(world);
      case 1: return close_against_attempts(world);
      default: return take_turns(world);
    }
  };
  expect_mutations_found(
      "io/descriptor.cpp", seeds, race,
      {{"if (u.told.load(std::memory_order_acquire)) return failure", mutation::change::drop,
        "for foreign threads, which hear of nothing: a fiber hears before its next pause"}},
      two_workers);
}

}  // namespace
}  // namespace weft

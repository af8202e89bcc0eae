// shared_descriptor over the simulated kernel: any number of operations at once, quick uses between them, and
// close against everything, on two workers and foreign threads.
#include "descriptor_fixture.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <gtest/gtest.h>
#include <unistd.h>

#include <sim/explore.hpp>
#include <sim/kernel.hpp>
#include <sim/sim.hpp>
#include <weft/io/shared_descriptor.hpp>
#include <weft/runtime/runtime.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::operation_code;
using detail::shared_descriptor;

constexpr std::uint64_t seeds = 10'000;
constexpr simulator_options two_workers{.workers = 2};

// What all users of one world share. The descriptor is destroyed as soon as a close() has returned and who
// was in it has left.
struct state {
  std::unique_ptr<shared_descriptor> d = std::make_unique<shared_descriptor>(some_descriptor());
  int fd = d->native_handle();
  bool closed = false;
  int ended = 0;
};

result<std::size_t> read_some(state& s, sim& world, deadline by) {
  const detail::descriptor_use use{*s.d};
  if (!use) return std::unexpected(errc::closed);
  std::array<std::byte, 16> bytes;
  detail::pending_operation p{operation_code::read, -1};
  p.set_buffer(bytes.data(), bytes.size());
  const detail::outcome o = s.d->perform(p, by);
  world.check(!s.closed && s.d->native_handle() == s.fd, "closed under a use");
  return detail::to_result<std::size_t>(o);
}

void reads_twice(state& s, sim& world, deadline by) {
  for (int i = 0; i < 2; ++i) {
    const bool was_closed = s.closed;
    const result<std::size_t> r = read_some(s, world, by);
    world.check(!was_closed || (!r && r.error() == errc::closed), "used after close()");
    if (r) continue;
    world.check(is_any_of(r.error(), {errc::closed, errc::deadline_exceeded, errc::canceled}),
                "the wrong error");
    world.check(r.error() != errc::deadline_exceeded || by.expired(), "too early");
    if (r.error() == errc::closed) break;
  }
  ++s.ended;
}

// A use that makes no operation: a call that does not wait.
void uses_quickly(state& s, sim& world) {
  for (int i = 0; i < 2; ++i) {
    const detail::descriptor_use use{*s.d};
    if (!use) break;
    world.check(!s.closed && s.d->native_handle() == s.fd, "closed under a use");
  }
  ++s.ended;
}

void closes(state& s, sim& world, deadline until) {
  if (world.random(2) == 0) {
    detail::wait w{/*cancellable=*/false};
    (void)park(w, until, detail::park_reason::sleep);
  }
  (void)s.d->close();
  s.closed = true;
  world.check(detail::operations_in_flight(s.fd) == 0, "closed under an operation");
  world.check(s.d->native_handle() == -1, "closed, and still has a number");
}

// Readers, some with a deadline, one to be stopped, and quick users; close() comes from a fiber or a thread
// at any time.
void close_against_users(sim& world) {
  detail::set_kernel_script([](const detail::operation& op, detail::random_source& random) {
    detail::kernel_answer answer = detail::random_answer(op, random);
    answer.never = random.one_in(2);
    return answer;
  });
  world.rt();
  state s;
  const deadline until = world.in(100us);
  world.spawn([&] { reads_twice(s, world, deadline::never()); }, "reader");
  world.spawn([&] { reads_twice(s, world, until); }, "timed reader");
  world.spawn([&] { uses_quickly(s, world); }, "quick fiber");
  world.thread([&] { uses_quickly(s, world); }, "quick thread");
  auto stopped = world.rt().spawn([&] { reads_twice(s, world, deadline::never()); });
  for (std::uint64_t closers = 1 + world.random(2); closers > 0; --closers) {
    if (world.random(2) == 0) world.spawn([&] { closes(s, world, until); }, "closer");
    else world.thread([&] { closes(s, world, until); }, "closer");
  }
  world.thread([&] { (void)stopped.request_stop(); }, "stopper");
  world.run();
  stopped.join();
  world.check(s.ended == 5, "an operation is lost");
  detail::set_kernel_script({});
}

// Nobody closes: all are in the kernel at once, which takes the first one only when the last one has come.
void no_turns(sim& world) {
  constexpr int readers = 3;
  std::size_t most = 0;
  detail::set_kernel_script([&most](const detail::operation& op, detail::random_source&) {
    most = std::max(most, detail::operations_in_flight(op.fd) + 1);
    return detail::kernel_answer{.result = 1, .after = 1ms};
  });
  state s;
  for (int i = 0; i < readers; ++i)
    world.spawn([&] { world.check(read_some(s, world, deadline::never()).has_value(), "read failed"); });
  world.run();
  world.check(most == readers, "a reader waited for its turn");
  detail::set_kernel_script({});
}

TEST(SimulatedSharedDescriptor, close_ends_every_use_and_waits_for_the_kernel) {
  explore(seeds, close_against_users, two_workers);
}

TEST(SimulatedSharedDescriptor, nobody_waits_for_a_turn) { explore(seeds / 10, no_turns, two_workers); }

TEST(SimulatedSharedDescriptor, slow_threads_change_nothing) {
  explore(seeds / 2, close_against_users, {.slowness = 50, .workers = 2});
}

TEST(SimulatedSharedDescriptor, every_operation_is_needed) {
  using enum mutation::change;
  expect_mutations_found("io/shared_descriptor.cpp", seeds, close_against_users,
                         {{"before = word_.fetch_sub", tear,
                           "once closing is set the count changes under the lock only; atomic for used()"}},
                         two_workers);
  expect_mutations_found("io/shared_descriptor.hpp", seeds, close_against_users,
                         {{"seen = word_.load", drop, "a guess: the compare-exchange tells the truth"}},
                         two_workers);
  expect_mutations_found("io/closing_notice.hpp", seeds, close_against_users, {}, two_workers);
}

}  // namespace
}  // namespace weft

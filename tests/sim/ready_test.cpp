// Descriptors as cases of select over the simulated kernel, which ends a wait late, or only when asked to.
#include <array>
#include <chrono>
#include <cstdint>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <sim/explore.hpp>
#include <sim/kernel.hpp>
#include <sim/sim.hpp>
#include <weft/io/ready.hpp>
#include <weft/runtime/runtime.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;

// Two that are never ready for a try: what the simulated kernel says comes later.
const std::array<int, 2>& never_readable() {
  static const std::array<int, 2> pair = [] {
    std::array<int, 2> made;
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, made.data()) != 0) std::abort();
    return made;
  }();
  return pair;
}

// Two descriptors, a channel, timeouts and a stop: one of them ends each wait, and the kernel has let go of
// both descriptors by then.
void race(sim& world) {
  detail::set_kernel_script([](const detail::operation& op, detail::random_source& random) {
    return detail::random_answer(op, random);
  });
  const auto [first, second] = never_readable();
  channel<int> c{0};
  const auto due = world.in(100us);
  int values = 0;
  auto waits = world.rt().spawn([&] {
    for (int i = 0; i < 4; ++i) {
      int bodies = 0;
      const auto r = select(io::readable(first, [&] { ++bodies; }),
                            on_recv(c, [&](auto v) { ++bodies, values += v.has_value(); }),
                            io::readable(second, [&] { ++bodies; }),
                            on_timeout(world.random(2) == 0 ? world.in(0ns) : due, [&] { ++bodies; }));
      world.check(bodies == (r ? 1 : 0), "not exactly one body ran");
      world.check(r || r.error() == errc::canceled, "the wrong error");
      world.check(detail::operations_in_flight(first) + detail::operations_in_flight(second) == 0,
                  "the kernel still has an operation");
      if (!r) return;
    }
  });
  int sent = 0;
  world.thread([&] {
    for (int i = 0; i < 3; ++i) sent += c.send(i, due).has_value();
    if (world.random(2) == 0) (void)waits.request_stop();
    waits.join();
  });
  world.run();
  world.check(sent == values, "a value was lost, or came twice");
}

TEST(ReadySim, one_of_several_ends_the_wait_and_the_kernel_has_let_go) {
  explore(seeds, race, {.workers = 2});
}

}  // namespace
}  // namespace weft

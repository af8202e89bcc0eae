// nursery under every interleaving: children, failures, stops, joins that give up, and its end.
#include <chrono>
#include <memory>
#include <stop_token>
#include <system_error>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sim/destroy.hpp>
#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <sim/sleep_until.hpp>
#include <weft/runtime/cancellation_shield.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/nursery.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;
constexpr simulator_options two_workers{.workers = 2};

const std::error_code broken = std::make_error_code(std::errc::broken_pipe);
const std::error_code refused = std::make_error_code(std::errc::connection_refused);

result<void> fail(std::error_code error) { return std::unexpected(error); }

// What a world of children has done and must end with.
struct children_model {
  sim& world;
  event gate{};
  bool set = false, stopped = false, interrupted = false;  // what has begun, by the world's own doing
  int live = 0, begun = 0, ended = 0, threw = 0;
  std::vector<std::error_code> errors{};

  void child(int kind, deadline until) {
    ++begun, ++live;
    if (kind % 2 == 1) {
      const result<void> r = gate.wait(until);
      if (r) world.check(set, "woken by nobody");
      else if (r.error() == errc::canceled)
        world.check(stopped || interrupted || failed(), "canceled by nobody");
      else world.check(until.expired(), "too early");
    }
    --live, ++ended;
  }

  bool failed() const { return threw != 0 || !errors.empty(); }

  result<void> failing_child(int kind, deadline until) {
    child(kind, until);
    if (kind >= 6 && threw++ == 0) throw kind;
    const std::error_code error = kind == 4 ? broken : refused;
    errors.push_back(error);
    return fail(error);
  }

  void spawn_into(nursery& n, int kind, deadline until) {
    if (kind < 4) {
      n.spawn([this, kind, until, &n] {
        if (kind == 2) n.spawn([this, until] { child(1, until); });
        child(kind, until);
      });
    } else {
      n.spawn([this, kind, until]() -> result<void> { return failing_child(kind, until); });
    }
  }

  void judge(const result<void>& r) {
    world.check(live == 0 && begun == ended, "a child outlived the join");
    if (r) return world.check(!failed(), "a failure was lost");
    const std::error_code e = r.error();
    if (e == broken || e == refused)
      return world.check(!errors.empty() && e == errors.front(), "not the first failure");
    world.check(!failed(), "a failure was lost");
    world.check(e == errc::canceled && interrupted, "canceled by nobody");
  }
};

// Children that end, wait, spawn and fail; a stop of the nursery or its fiber, and the gate, at any moment;
// joins that give up and joins that do not.
void children_of_all_kinds(sim& world) {
  children_model m{world};
  const int first = static_cast<int>(world.random(7)), second = static_cast<int>(world.random(2));
  const std::size_t most = first == 2 ? 2 * world.random(2) : world.random(3);  // room for its own child
  const deadline until = world.in(world.random(2) == 0 ? 0ms : 1ms);
  const bool body_waits = world.random(2) == 0, gives_up = world.random(2) == 0;
  nursery* there = nullptr;
  event made, done;
  auto owner = world.rt().spawn([&] {
    {
      nursery n{{.children_max = most}};
      there = &n;
      made.set();
      m.spawn_into(n, first, until);
      if (body_waits) (void)m.gate.wait(until);
      m.spawn_into(n, second, until);
      const auto join = [&](deadline at) {
        try {
          const result<void> r = n.join(at);
          if (!r && r.error() == errc::deadline_exceeded)
            return world.check(at.expired(), "too early"), false;
          m.judge(r);
        } catch (int) {
          world.check(m.threw != 0 && m.live == 0, "thrown by nobody");
        }
        return true;
      };
      if (!gives_up || !join(until)) join(deadline::never());
      (void)with_shield(deadline::never(), [&] { return done.wait(); });  // who stops us is through
      there = nullptr;
    }
    world.check(m.live == 0, "a child outlived the nursery");
  });
  const auto stops = [&](int which) {
    if (world.random(2) == 0) sleep_until(until);
    switch (which) {
      case 0:
        (void)made.wait();
        m.stopped = true;
        return there->request_stop();
      case 1: m.interrupted = true; return (void)owner.request_stop();
      default: m.set = true; return m.gate.set();
    }
  };
  world.thread([&, which = static_cast<int>(world.random(3))] {
    stops(which);
    m.set = true;
    m.gate.set();
    done.set();
  });
  world.run();
  owner.join();
}

TEST(Nursery, every_child_ends_before_it_and_the_first_failure_counts) {
  explore(seeds, children_of_all_kinds, two_workers);
}

// A limit of one, held by fibers on both workers and a thread, none of which gives up.
void room_for_one(sim& world) {
  std::unique_ptr<nursery> n;
  event made;
  int live = 0, ran = 0, spawners = 3;
  event all_spawned;
  const auto spawns = [&] {
    world.check(made.wait().has_value(), "wait() failed");
    for (int i = 0; i < 2; ++i)
      n->spawn([&] {
        world.check(++live == 1, "more than one child");
        if (world.random(2) == 0) this_fiber::yield();
        --live, ++ran;
      });
    if (--spawners == 0) all_spawned.set();
  };
  world.spawn([&] {
    n = std::make_unique<nursery>(nursery_options{.children_max = 1});
    made.set();
    world.check(all_spawned.wait().has_value(), "wait() failed");
    world.check(n->join().has_value(), "join() failed");
    world.check(ran == 6, "a child is left");
    destroy_and_spoil(std::move(n));
  });
  world.spawn(spawns);
  world.spawn(spawns);
  world.thread(spawns);
  world.run();
}

TEST(Nursery, room_is_handed_over_and_never_lost) { explore(seeds, room_for_one, two_workers); }

// Nothing but the stop would end the children: one that is lost is a deadlock.
void a_stop_is_enough(sim& world) {
  event never, made, done;
  nursery* there = nullptr;
  int heard = 0;
  world.spawn([&] {
    nursery n;
    there = &n;
    for (int i = 0; i < 2; ++i)
      n.spawn([&] {
        std::stop_token token;
        if (world.random(2) == 0) token = this_fiber::get_stop_token();
        if (world.random(3) == 0 && token.stop_possible()) {
          while (!token.stop_requested()) this_fiber::yield();
        } else {
          world.check(never.wait().error() == errc::canceled, "woken by nobody");
          world.check(!token.stop_possible() || token.stop_requested(), "the token has not heard");
        }
        ++heard;
      });
    made.set();
    world.check(n.join().has_value(), "join() failed");
    world.check(done.wait().has_value(), "wait() failed");  // who stops it is through
  });
  world.thread([&] {
    world.check(made.wait().has_value(), "wait() failed");
    there->request_stop();
    done.set();
  });
  world.run();
  world.check(heard == 2, "not all were stopped");
}

TEST(Nursery, a_stop_is_not_lost) { explore(seeds, a_stop_is_enough, two_workers); }

TEST(Nursery, every_operation_is_needed) {
  using enum mutation::change;
  const auto any = [](sim& world) {
    switch (world.random(3)) {
      case 0: return room_for_one(world);
      case 1: return a_stop_is_enough(world);
      default: return children_of_all_kinds(world);
    }
  };
  const auto check = [&](const code& part, const std::vector<exemption>& exempt = {}) {
    expect_mutations_found(part, seeds, any, exempt, two_workers);
  };
  for (const char* used : {"peek", "try_change", "unlock"})  // what child_count is made of
    check({"runtime/locked_word.hpp", used});
  check("runtime/child.hpp");
  check("runtime/stop_group.hpp");
  check("runtime/stop_group.cpp");
}

}  // namespace
}  // namespace weft

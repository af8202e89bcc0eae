// condition_variable under every interleaving: every way of waiting against every way of ending the wait, and
// its end.
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <utility>

#include <gtest/gtest.h>

#include <sim/destroy.hpp>
#include <sim/explore.hpp>
#include <sim/lock_mutations.hpp>
#include <sim/sim.hpp>
#include <sim/sleep_until.hpp>
#include <weft/runtime/condition_variable.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/runtime.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;

// A queue between producers and consumers: fibers and threads, which wait in every way that there is, some
// with deadlines that pass, one stopped as a fiber and one by a token. Nothing is lost but by who says so.
void produce_and_consume(sim& world) {
  mutex m;
  condition_variable changed;
  std::deque<int> queue;
  std::stop_source stop;
  int made = 0, taken = 0, producers = 2;
  const auto ready = [&] { return !queue.empty() || producers == 0; };
  const auto take = [&](const std::unique_lock<mutex>& hold) {
    world.check(m.owner() == &detail::current_parker() && hold.owns_lock(), "it is not held");
    if (queue.empty()) return false;
    queue.pop_front();
    ++taken;
    return true;
  };
  const auto produce = [&] {
    for (int i = 0; i < 2; ++i) {
      {
        const std::lock_guard hold{m};
        queue.push_back(made++);
      }
      changed.notify_one();
    }
    const std::lock_guard hold{m};
    if (--producers == 0) changed.notify_all();
  };
  const auto consume = [&] {
    std::unique_lock hold{m};
    do {
      switch (world.random(5)) {
        case 0: changed.wait(hold, ready); break;
        case 1: {
          const deadline until = world.random(2) == 0 ? deadline::past() : world.in(1ms);
          const result<void> r = changed.wait(hold, until, ready);
          world.check(r.has_value() || r.error() == errc::deadline_exceeded, "the wrong error");
          world.check(r.has_value() || !ready(), "it gave up too early");
          break;
        }
        case 2:
          while (!ready()) changed.wait(hold);
          break;
        case 3: (void)changed.wait_for(hold, world.random(2) == 0 ? 0ms : 1ms, ready); break;
        default: (void)changed.wait(hold, stop.get_token(), ready); break;
      }
    } while (take(hold) || producers != 0);
  };
  const auto stopped = [&] {
    std::unique_lock hold{m};
    const result<void> r = changed.wait(hold, deadline::never(), ready);
    world.check(r.has_value() || r.error() == errc::canceled, "the wrong error");
    if (take(hold) || !queue.empty()) changed.notify_one();  // more than one may be there by now
    if (!queue.empty()) changed.notify_all();
  };
  world.spawn(consume, "consumer");
  world.thread(consume, "consumer");
  auto task = world.rt().spawn(stopped, {.name = "stopped"});
  world.spawn(produce, "producer");
  world.thread([&] {
    produce();
    if (world.random(2) == 0) (void)stop.request_stop();
    (void)task.request_stop();
    task.join();
  });
  world.run();
  world.check(taken == made && made == 4, "something was lost");
}

TEST(ConditionVariable, loses_no_notification) { explore(seeds, produce_and_consume, {.workers = 2}); }

// One notification each, for two of three: the third gives up, is stopped, or gets one too, but never in
// place of another that waits.
void count_notifications(sim& world) {
  mutex m;
  condition_variable changed;
  int waiting = 0, woken = 0, gave_up = 0;
  event all_wait;
  const auto waits = [&](deadline until) {
    std::unique_lock hold{m};
    if (++waiting == 3) all_wait.set();
    const result<void> r = changed.wait(hold, until);
    ++(r ? woken : gave_up);
  };
  world.spawn([&] { waits(deadline::never()); });
  world.thread([&] { waits(deadline::never()); });
  const auto third = [&] { waits(world.random(2) == 0 ? deadline::past() : world.in(1ms)); };
  if (world.random(2) == 0) world.spawn(third);
  else world.thread(third);
  const auto notifies = [&] {
    world.check(all_wait.wait().has_value(), "not woken");
    m.lock();  // now they do wait
    m.unlock();
    changed.notify_one();
    changed.notify_one();
    {
      const std::lock_guard hold{m};
      if (gave_up == 1) return;
    }
    sleep_until(world.in(2ms));
    const std::lock_guard hold{m};
    if (gave_up == 0) changed.notify_one();
  };
  world.thread(notifies);
  world.run();
  world.check(woken + gave_up == 3 && woken >= 2, "a notification was lost");
}

TEST(ConditionVariable, who_gives_up_takes_no_notification_from_others) {
  explore(seeds, count_notifications, {.workers = 2});
}

// As std has it: when all have been notified it may go, though they have not returned.
void notify_and_destroy(sim& world) {
  mutex m;
  auto changed = std::make_unique<condition_variable>();
  condition_variable* const p = changed.get();
  int waiting = 0;
  bool ready = false;
  event all_wait;
  std::stop_source stop;
  const auto waits = [&] {
    std::unique_lock hold{m};
    if (++waiting == 3) all_wait.set();
    while (!ready) {
      const std::uint64_t way = world.random(3);
      if (way == 0) p->wait(hold);
      else if (way == 1) (void)p->wait(hold, world.random(2) == 0 ? deadline::past() : world.in(1ms));
      else if (!p->wait(hold, stop.get_token(), [&] { return ready; })) p->wait(hold);
    }
  };
  world.spawn(waits);
  world.thread(waits);
  if (world.random(2) == 0) world.spawn(waits);
  else world.thread(waits);
  const auto destroys = [&] {
    world.check(all_wait.wait().has_value(), "not woken");
    if (world.random(2) == 0) sleep_until(world.in(1ms));  // races with the deadlines
    {
      const std::lock_guard hold{m};
      ready = true;
    }
    p->notify_all();
    destroy_and_spoil(std::move(changed));
  };
  if (world.random(2) == 0) world.spawn(destroys);
  else world.thread(destroys);
  if (world.random(2) == 0) world.thread([&] { (void)stop.request_stop(); });
  world.run();
}

TEST(ConditionVariable, may_be_destroyed_when_all_have_been_notified) {
  explore(seeds, notify_and_destroy, {.workers = 2});
}

const auto race_of_all = [](sim& world) {
  switch (world.random(3)) {
    case 0: return count_notifications(world);
    case 1: return notify_and_destroy(world);
    default: return produce_and_consume(world);
  }
};

TEST(ConditionVariable, every_operation_on_the_phases_is_needed) {
  expect_mutations_found("runtime/condition_variable.cpp", seeds, race_of_all, {}, {.workers = 2});
}

TEST(ConditionVariable, every_operation_on_its_word_is_needed) {
  using enum mutation::change;
  expect_lock_mutations_found(
      seeds, race_of_all,
      {{"& locked) != 0) [[unlikely]]", drop, "for the end of a mutex, which nobody races for here"}});
}

}  // namespace
}  // namespace weft

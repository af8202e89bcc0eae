// Waiting for signals under every interleaving of senders, waiters, deadlines and stops. The kernel's part is
// simulated here, in place of the C library's: a signal is delivered on the thread that sends it, by the
// disposition of some moment before.
#include <weft/runtime/signals.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <initializer_list>
#include <source_location>
#include <string_view>

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/runtime.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;
constexpr std::array numbers{SIGUSR1, SIGUSR2};

// The process of the active world.
struct process {
  std::array<struct sigaction, 65> actions{};
  std::uint64_t moment = 0;                        // counts what happens
  std::array<std::uint64_t, 65> sent{}, effect{};  // when it last was: sent; received by a waiter, or usual
  std::array<int, 65> usual{};
  int threads = 0;  // that wait for signals

  void deliver(int number) {
    const auto n = static_cast<std::size_t>(number);
    void (*const handler)(int) = actions[n].sa_handler;
    detail::step(detail::step_kind::fence, nullptr, std::source_location::current());
    if (handler != SIG_DFL) return handler(number);
    ++usual[n];
    effect[n] = ++moment;
  }
};
process* now = nullptr;

template <class F>
F* from_libc(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

}  // namespace
}  // namespace weft

extern "C" {

int sigaction(int number, const struct sigaction* set, struct sigaction* before) noexcept {
  using namespace weft;
  if (now == nullptr)
    return from_libc<int(int, const struct sigaction*, struct sigaction*)>("sigaction")(number, set, before);
  detail::step(detail::step_kind::fence, nullptr, std::source_location::current());
  struct sigaction& action = now->actions[static_cast<std::size_t>(number)];
  if (before != nullptr) *before = action;
  if (set != nullptr) action = *set;
  return 0;
}

int kill(pid_t to, int number) noexcept {
  using namespace weft;
  if (now == nullptr) return from_libc<int(pid_t, int)>("kill")(to, number);
  now->deliver(number);
  return 0;
}

int pthread_create(pthread_t* made, const pthread_attr_t* how, void* (*run)(void*), void* with) noexcept {
  using namespace weft;
  if (now == nullptr)
    return from_libc<int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)>("pthread_create")(
        made, how, run, with);
  ++now->threads;
  detail::active_simulator->start(
      "weft-signals",
      [run, with] {
        run(with);
        --now->threads;
      },
      /*background=*/true);
  *made = pthread_self();
  return 0;
}

int pthread_sigmask(int how, const sigset_t* set, sigset_t* before) noexcept {
  if (weft::now == nullptr)
    return weft::from_libc<int(int, const sigset_t*, sigset_t*)>("pthread_sigmask")(how, set, before);
  return 0;
}

int pthread_setname_np(pthread_t thread, const char* name) noexcept {
  if (weft::now == nullptr)
    return weft::from_libc<int(pthread_t, const char*)>("pthread_setname_np")(thread, name);
  return 0;
}

}  // extern "C"

namespace weft {
namespace {

// Sleeps until exactly then, on a fiber or a thread.
void rest(deadline until) {
  detail::wait w{/*cancellable=*/false};
  (void)park(w, until, detail::park_reason::sleep);
}

class model {
 public:
  explicit model(sim& world) : world_{world} { now = &process_; }
  ~model() { now = nullptr; }

  void send(int number) {
    const auto n = static_cast<std::size_t>(number);
    process_.sent[n] = ++process_.moment;
    ++sends_[n];
    process_.deliver(number);
  }

  /// `who` waits for the first of the two, for the second, or for either.
  void wait(std::size_t who, std::uint64_t which, deadline until, const bool& stopped) {
    ++waiting_;
    const result<int> got =
        which == 2 ? signals::wait({SIGUSR1, SIGUSR2}, until) : signals::wait({numbers[which]}, until);
    --waiting_;
    if (!got) {
      world_.check(got.error() == errc::canceled ? stopped : until.expired(), "ended by nothing");
      return;
    }
    const auto n = static_cast<std::size_t>(*got);
    world_.check(which == 2 ? *got == SIGUSR1 || *got == SIGUSR2 : *got == numbers[which],
                 "got what it did not wait for");
    world_.check(++received_[who][n] <= sends_[n], "got one signal twice");
    process_.effect[n] = ++process_.moment;
  }

  /// When all stand still: the last of each has been received since it was sent, or had its usual effect.
  void expect_none_lost() {
    for (const int number : numbers) {
      const auto n = static_cast<std::size_t>(number);
      world_.check(process_.effect[n] >= process_.sent[n], "a signal was lost");
    }
  }

  /// None is lost, and nothing is left behind.
  void expect_the_end() {
    world_.advance(1ms);
    world_.check(waiting_ == 0, "somebody waits still");
    world_.check(process_.threads == 0, "the thread has not ended");
    expect_none_lost();
    for (const int number : numbers) {
      const auto n = static_cast<std::size_t>(number);
      world_.check(process_.actions[n].sa_handler == SIG_DFL, "what was installed before is not back");
      const int before = process_.usual[n];
      send(number);
      world_.check(process_.usual[n] == before + 1, "it has not its usual effect any more");
    }
  }

 private:
  sim& world_;
  process process_;
  int waiting_ = 0;
  std::array<int, 65> sends_{};
  std::array<std::array<int, 65>, 4> received_{};  // by each who waits
};

// All wait; then the signals come, each once. A wake-up that is lost leaves the world stuck.
void all_get_it(sim& world) {
  model m{world};
  const bool nobody_stops = false;
  const auto waits = [&](std::size_t who, std::uint64_t which) {
    return [&, who, which] { m.wait(who, which, deadline::never(), nobody_stops); };
  };
  world.spawn(waits(0, world.random(3)));
  world.thread(waits(1, world.random(3)));
  world.spawn(waits(2, 2));
  world.thread(waits(3, 2));
  world.advance(0ms);
  for (const int number : numbers) world.thread([&m, number] { m.send(number); });
  world.run();
  m.expect_the_end();
}

// A signal whose last waiter leaves comes together with another one, for which somebody waits.
void late_for_one(sim& world) {
  model m{world};
  const bool nobody_stops = false;
  const deadline due = world.in(1ms);
  world.thread([&] { m.wait(0, 0, due, nobody_stops); });
  world.thread([&] { m.wait(1, 1, deadline::never(), nobody_stops); });
  world.advance(0ms);
  for (const int number : numbers)
    world.thread([&, number] {
      rest(due);
      m.send(number);
    });
  world.run();
  m.expect_the_end();
}

// Waiters come and go, by signals, deadlines and a stop, while signals come at any moment.
void come_and_go(sim& world) {
  model m{world};
  const deadline due = world.in(1ms);
  bool stopped = false;
  int rounds_left = 0;
  const auto waits = [&](std::size_t who) {
    const auto some_time = [&]() -> deadline { return world.random(2) == 0 ? due : deadline::past(); };
    for (int i = 0; i < 2; ++i)
      m.wait(who, world.random(3), world.random(3) == 0 ? deadline::never() : some_time(), stopped);
    --rounds_left;
  };
  rounds_left = 3;
  world.spawn([&] { waits(0); });
  world.thread([&] { waits(1); });
  task<void> to_stop = world.rt().spawn([&] { waits(2); });
  const auto sends = [&] {
    for (const int number : numbers) {
      if (world.random(2) == 0) rest(due);
      m.send(number);
    }
  };
  world.thread(sends);
  world.thread([&] {
    if (world.random(2) == 0) rest(due);
    if (world.random(2) == 0) {
      stopped = true;
      (void)to_stop.request_stop();
    }
    for (int i = 0; rounds_left != 0; ++i) {  // those who wait for ever
      world.check(i < 20, "who waits does not hear of signals");
      rest(world.in(2ms));
      m.expect_none_lost();
      m.send(numbers[static_cast<std::size_t>(i) % 2]);
    }
    to_stop.join();
  });
  world.run();
  m.expect_the_end();
}

TEST(SimulatedSignals, every_waiter_gets_one_of_those_that_it_waits_for) { explore(seeds, all_get_it); }

TEST(SimulatedSignals, one_that_comes_late_takes_nothing_from_another) { explore(seeds, late_for_one); }

TEST(SimulatedSignals, none_is_lost_while_waiters_come_and_go) { explore(seeds, come_and_go); }

TEST(SimulatedSignals, every_operation_is_needed) {
  using enum mutation::change;
  constexpr std::string_view locked = "changed under the lock only";
  expect_mutations_found("runtime/signals.cpp", seeds,
                         [](sim& world) {
                           switch (world.seed() % 4) {
                             case 0: return all_get_it(world);
                             case 1: return late_for_one(world);
                             default: return come_and_go(world);
                           }
                         },
                         {{"caught.fetch_or", tear, locked},
                          {"caught.fetch_and", tear, locked},
                          {"bell.fetch_add", tear,
                           "who hears another's ring finds what came before the one that it has swallowed"}});
}

}  // namespace
}  // namespace weft

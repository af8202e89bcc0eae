// A simulated world for a test: threads that interleave at every atomic operation as the seed says, and a
// clock that they cannot wait for in vain.
//
//   TEST(Latch, opens_for_all) {
//     explore(10'000, [](sim& world) {
//       latch l;
//       world.thread([&] { l.open(); });
//       world.thread([&] { l.wait(); });
//       world.run();                    // fails with the seed if they are stuck
//     });
//   }
//
// The test's own thread is one of the world's: it runs alone until it waits, in run(), advance() or a call of
// weft. Everything that the world's threads use must outlive run(). There is one world at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include <sim/simulator.hpp>
#include <sim/trace.hpp>
#include <weft/runtime/base/deadline.hpp>

namespace weft {

using detail::simulator_options;

class runtime;

class sim {
 public:
  explicit sim(std::uint64_t seed, simulator_options options = {}) : core_{seed, options} {}
  sim(const sim&) = delete;
  sim& operator=(const sim&) = delete;
  /// Stops the runtime, if there is one.
  ~sim() {
    detail::mark_end_of_test();
    if (!core_.failure.empty()) (void)runtime_.release();  // its threads are stuck for ever
  }

  /// Starts a foreign thread.
  void thread(std::move_only_function<void()> body, std::string_view name = {}) {
    core_.start(name, std::move(body), /*background=*/false);
  }

  /// Starts a fiber on a runtime of options.workers simulated workers. Needs the library weft_sim.
  void spawn(std::move_only_function<void()> body, std::string_view name = {});

  /// That runtime. The first call, or spawn(), makes it, on the test's own thread. Needs the library
  /// weft_sim.
  runtime& rt();

  /// Runs until all foreign threads and all fibers of spawn() have ended. Fails the world on deadlock or
  /// livelock.
  void run() { core_.run(); }

  /// Lets `d` pass: everything that can run does, and what is due on the way happens at its time. The clock
  /// may get ahead by a tick of the timer wheel, so that what is due at the end has happened; the next call
  /// makes up for it.
  void advance(std::chrono::nanoseconds d) {
    if (core_.now - advanced_ > detail::simulator::timer_tick_ns) advanced_ = core_.now;
    advanced_ += d.count();
    core_.run_until(advanced_);
  }

  /// Runs what can run without waiting, then says how many threads and fibers have not ended.
  std::size_t parked() {
    advance({});
    return core_.unfinished();
  }

  std::chrono::steady_clock::time_point now() const noexcept {
    return std::chrono::steady_clock::time_point{std::chrono::nanoseconds{core_.now}};
  }

  /// The point that far from now.
  deadline in(std::chrono::nanoseconds d) const noexcept { return now() + d; }

  std::uint64_t seed() const noexcept { return core_.seed; }
  std::uint64_t steps() const noexcept { return core_.steps; }

  /// 0 .. count - 1, by the seed: for what a scenario varies.
  std::uint64_t random(std::uint64_t count) noexcept { return core_.random.below(count); }

  /// Names an address in traces.
  void label(const volatile void* address, std::string_view name) { detail::set_label(address, name); }

  /// Ends the world as failed unless `holds`. From any of its threads.
  void check(bool holds, const char* what) {
    if (!holds) [[unlikely]]
      core_.fail(what);
  }

  /// Lets another thread run, if the seed says so: for code under test that is not made of atomics.
  void interleave(std::source_location site = std::source_location::current()) {
    detail::step(detail::step_kind::fence, nullptr, site);
  }

 private:
  using runtime_owner = std::unique_ptr<runtime, void (*)(runtime*)>;

  detail::simulator core_;
  std::int64_t advanced_ = core_.now;  // where advance() has come to
  runtime_owner runtime_{nullptr, nullptr};
};

}  // namespace weft

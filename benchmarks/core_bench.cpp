// What other runtimes measure without doing it, here with what it is for: tasks that go through a deque from
// one thread to another and are run there, a fiber that parks until another resumes it, and a counter that
// two workers write to.
#include <cstdint>
#include <thread>
#include <vector>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/work_stealing_deque.hpp>

#include "harness.hpp"
#include "woken.hpp"

namespace {

struct task {
  std::uint64_t input, output;
  void run() noexcept { output = input * input + 1; }
};

// One operation is a task that is pushed, taken by either end, and run, once: the owner takes one only when
// there is no room for the next.
bench::sample steal(std::uint64_t operations) {
  std::vector<task> tasks(operations);
  for (std::uint64_t i = 0; i < operations; ++i) tasks[i].input = i;
  weft::work_stealing_deque<task*> deque{256};
  weft::detail::atomic<bool> all_pushed{false};
  const bench::stopwatch watch;
  std::thread thief{[&] {
    for (;;) {
      const bool last = all_pushed.load(std::memory_order_acquire);
      if (const auto t = deque.steal()) (*t)->run();
      else if (last) return;
    }
  }};
  for (task& t : tasks)
    while (!deque.push(&t))
      if (const auto own = deque.pop()) (*own)->run();
  all_pushed.store(true, std::memory_order_release);
  thief.join();
  const bench::sample taken = watch.stop(operations);
  for (const task& t : tasks)
    if (t.output != t.input * t.input + 1) return {};
  return taken;
}

// One operation is a fiber that parks, and another that resumes it.
bench::sample park_and_resume(std::uint64_t operations) {
  return bench::woken(operations, [](weft::event& e) { return e.wait().has_value(); });
}

// Half of the additions by a fiber of each worker.
bench::sample contended_2(std::uint64_t operations) {
  return weft::run(
      [operations] {
        weft::detail::atomic<std::uint64_t> counter{0};
        const auto add_half = [&] {
          for (std::uint64_t i = 0; i < operations / 2; ++i) counter.fetch_add(1, std::memory_order_relaxed);
        };
        const bench::stopwatch watch;
        auto first = weft::spawn(add_half, {.worker = 0});
        auto second = weft::spawn(add_half, {.worker = 1});
        first.join();
        second.join();
        return watch.stop(counter.load());
      },
      {.workers = 2});
}

const int rows[] = {
    bench::time_row("deque/steal", steal),
    bench::time_row("event/park_and_resume", park_and_resume),
    bench::time_row("atomic/contended_2", contended_2),
};

}  // namespace

// Bodies that run in fibers of all workers and in foreign threads at once.
#pragma once

#include <thread>
#include <vector>

#include <weft/runtime/runtime.hpp>
#include <weft/runtime/spawn.hpp>
#include <weft/runtime/task.hpp>

namespace weft_test {

inline constexpr unsigned workers = 4, fibers = 8;

/// Calls body(i) for each i below `fibers` + `threads`, all at once; the last `threads` in foreign threads.
template <class F>
void run_everywhere(unsigned threads, F body) {
  weft::runtime rt{{.workers = workers}};
  std::vector<std::jthread> foreign;
  for (unsigned i = 0; i < threads; ++i) foreign.emplace_back([&body, i] { body(fibers + i); });
  rt.block_on([&] {
    std::vector<weft::task<void>> all;
    for (unsigned i = 0; i < fibers; ++i)
      all.push_back(weft::spawn([&body, i] { body(i); }, {.worker = i % workers}));
    for (weft::task<void>& t : all) t.join();
  });
}

/// Calls sends(timed) so many times, and receives(timed), all at once, half of each in fibers of `rt`; every
/// `period`th is timed.
template <class S, class R>
void run_both_ways(weft::runtime& rt, int senders, int receivers, int period, S sends, R receives) {
  std::vector<std::jthread> threads;
  std::vector<weft::task<void>> own;
  const auto begin = [&](int i, auto& f) {
    const bool timed = i % period == 0;
    if (i % 2 == 0) threads.emplace_back([&f, timed] { f(timed); });
    else own.push_back(rt.spawn([&f, timed] { f(timed); }));
  };
  for (int i = 0; i < senders; ++i) begin(i, sends);
  for (int i = 0; i < receivers; ++i) begin(i, receives);
  for (weft::task<void>& t : own) t.join();
}

}  // namespace weft_test

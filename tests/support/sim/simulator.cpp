#include <sim/simulator.hpp>

#include <cxxabi.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <sim/failure.hpp>
#include <sim/mutation.hpp>
#include <sim/trace.hpp>

namespace weft::detail {

simulator* active_simulator = nullptr;
bool steps_report_values = false;

namespace {

std::array<thread_memory, 4> swapped{};
std::size_t swapped_count = 0;

void save(simulated_thread& t) noexcept {
  std::memcpy(t.saved_exceptions, abi::__cxa_get_globals(), sizeof t.saved_exceptions);
  std::byte* to = t.swapped;
  for (std::size_t i = 0; i < swapped_count; to += swapped[i++].size)
    std::memcpy(to, swapped[i].memory, swapped[i].size);
}

void restore(const simulated_thread& t) noexcept {
  std::memcpy(abi::__cxa_get_globals(), t.saved_exceptions, sizeof t.saved_exceptions);
  const std::byte* from = t.swapped;
  for (std::size_t i = 0; i < swapped_count; from += swapped[i++].size)
    std::memcpy(swapped[i].memory, from, swapped[i].size);
}

}  // namespace

void swap_with_thread(const thread_memory& m) noexcept {
  std::size_t used = m.size;
  for (std::size_t i = 0; i < swapped_count; ++i) used += swapped[i].size;
  if (swapped_count == swapped.size() || used > simulated_thread::swapped_max) std::abort();
  swapped[swapped_count++] = m;
}

step_verdict decide_step(step_kind kind, const volatile void* address,
                         const std::source_location& site) noexcept {
  return active_simulator->decide(kind, address, site);
}

void decide_after_change() noexcept { active_simulator->decide_again(); }

simulator::simulator(std::uint64_t seed_value, simulator_options options_value)
    : seed{seed_value},
      options{options_value},
      random{seed_value},
      strategy{seed_value, random},
      spurious{random.one_in(2)} {
  if (active_simulator != nullptr) {
    std::fputs("sim: only one world at a time\n", stderr);
    std::abort();
  }
  auto test = std::make_unique<simulated_thread>();
  test->name = "test";
  test->stack = &test_stack;
  strategy.add(*test);
  current = test.get();
  threads.push_back(std::move(test));
  make_ready(*current);
  trace_begin(*this);
  active_simulator = this;
}

simulator::~simulator() {
  active_simulator = nullptr;
  trace_end();
}

simulated_thread& simulator::start(std::string_view name, std::move_only_function<void()> body,
                                   bool background) {
  auto made = std::make_unique<simulated_thread>();
  simulated_thread& t = *made;
  t.id = static_cast<unsigned>(threads.size());
  t.name = name.empty() ? "thread-" + std::to_string(t.id) : std::string{name};
  t.body = std::move(body);
  t.background = background;
  t.stack = &coroutine::take(thread_main, &t);
  strategy.add(t);
  if (!background) ++foreground;
  threads.push_back(std::move(made));
  make_ready(t);
  trace_thread(t);
  return t;
}

// Keeps the frames of the body apart from those of thread_main(), so that all of them can be poisoned
// afterwards.
[[gnu::noinline]] void simulator::run_body(simulated_thread& t) {
  std::byte gap[1024];
  asm volatile("" : : "r"(gap) : "memory");
  t.body();
  asm volatile("" : : "r"(gap) : "memory");
}

void simulator::thread_main(void* argument) {
  simulator& s = *active_simulator;
  simulated_thread& t = *static_cast<simulated_thread*>(argument);
  restore(t);
  run_body(t);
  t.body = nullptr;
  for (std::size_t i = 0; i < swapped_count; ++i)
    if (swapped[i].leave != nullptr) swapped[i].leave();
  t.state = simulated_thread::status::ended;
  s.make_unready(t);
  if (!t.background) --s.foreground;
  s.wake(&t, std::numeric_limits<int>::max());
  s.current = &s.next_thread();
  coroutine& stack = *t.stack;
  coroutine::retire(stack);
  coroutine::switch_to(stack,
                       *s.current->stack);  // returns when another thread has this stack: touch nothing
}

step_verdict simulator::decide(step_kind kind, const volatile void* address,
                               const std::source_location& site) noexcept {
  simulated_thread& self = *current;
  self.last_kind = kind;
  self.last_address = address;
  self.last_site = site;
  if (++steps > options.steps_max) [[unlikely]]
    fail("livelock: no end after " + std::to_string(options.steps_max) + " steps");
  const bool pauses = kind == step_kind::pause;
  if (self.id != 0) {
    if (pauses) [[unlikely]]
      pass_pauses();
    if (options.slowness != 0 && random.one_in(options.slowness)) [[unlikely]] {
      if (const std::int64_t at = earliest_deadline(); at - now <= slow_jump_max_ns) jump_to(at);
    }
    simulated_thread& next = strategy.at_step(ready, self, pauses);
    if (&next != &self) switch_to(next);
  } else if (pauses) {
    pass_pauses();
    if (ready.size() > 1) switch_to(strategy.at_step(ready, self, true));
  }

  step_verdict verdict = step_verdict::plain;
  if (mutation_or_survey_active()) [[unlikely]]
    verdict = mutated(kind, site);
  const bool may_fail = kind == step_kind::compare_exchange_weak || kind == step_kind::futex_wait;
  if (may_fail && spurious && verdict == step_verdict::plain && random.one_in(8))
    verdict = step_verdict::fail;
  if (trace_active()) [[unlikely]]
    trace_step(self, kind, verdict, address, site, now, steps);
  return verdict;
}

void simulator::decide_again() noexcept {
  if (current->id == 0) return;
  simulated_thread& next = strategy.at_step(ready, *current, /*pauses=*/false);
  if (&next != current) switch_to(next);
}

bool simulator::block(const volatile void* word, std::int64_t at) {
  simulated_thread& self = *current;
  self.waits_for = word;
  self.wake_at = at;
  self.timed_out = false;
  self.state = simulated_thread::status::blocked;
  make_unready(self);
  switch_to(next_thread());
  return !self.timed_out;
}

int simulator::wake(const volatile void* word, int count) noexcept {
  int woken = 0;
  const std::size_t n = threads.size();
  const std::size_t first = random.below(n);
  for (std::size_t i = 0; i < n && woken < count; ++i) {
    simulated_thread& t = *threads[(first + i) % n];
    if (t.state != simulated_thread::status::blocked || t.waits_for != word) continue;
    make_ready(t);
    ++woken;
  }
  return woken;
}

void simulator::run() {
  if (foreground == 0) return;
  test_waits = test_wait::all_ended;
  wait_in_test();
}

void simulator::run_until(std::int64_t until) {
  test_waits = test_wait::time;
  test_until = until;
  wait_in_test();
}

// The test's thread is out of the ready list and comes back through next_thread(), or through fail().
void simulator::wait_in_test() {
  block(&test_waits, never);
  test_waits = test_wait::none;
}

void simulator::switch_to(simulated_thread& next) {
  simulated_thread& self = *current;
  if (&next == &self) return;
  self.saved_errno = errno;
  save(self);
  current = &next;
  coroutine::switch_to(*self.stack, *next.stack);
  restore(self);
  errno = self.saved_errno;
  if (self.id == 0 && !failure.empty()) [[unlikely]]
    report_failure(*this);
}

void simulator::make_ready(simulated_thread& t) noexcept {
  t.state = simulated_thread::status::ready;
  t.paused = false;
  t.waits_for = nullptr;
  t.ready_index = ready.size();
  ready.push_back(&t);
}

void simulator::make_unready(simulated_thread& t) noexcept {
  simulated_thread* const last = ready.back();
  ready[t.ready_index] = last;
  last->ready_index = t.ready_index;
  ready.pop_back();
}

// Who goes on when the running thread cannot. Lets time pass until somebody can.
simulated_thread& simulator::next_thread() {
  simulated_thread& test = *threads.front();
  if (test_waits == test_wait::all_ended && foreground == 0) {
    make_ready(test);
    return test;
  }
  while (ready.empty()) {
    if (let_time_pass()) continue;
    if (test_waits != test_wait::time) fail("deadlock: nothing can run, and nothing is timed");
    now = std::max(now, test_until);
    make_ready(test);
    return test;
  }
  return strategy.at_block(ready);
}

// Jumps to the earliest deadline, if there is one before the test wants to go on.
bool simulator::let_time_pass() noexcept {
  const std::int64_t at = earliest_deadline();
  if (at == never || (test_waits == test_wait::time && at - timer_tick_ns > test_until)) return false;
  jump_to(at);
  return true;
}

void simulator::jump_to(std::int64_t at) noexcept {
  now = std::max(now, at);
  for (const auto& t : threads) {
    if (t->state != simulated_thread::status::blocked || t->wake_at > now) continue;
    make_ready(*t);
    t->timed_out = true;
  }
}

std::int64_t simulator::earliest_deadline() const noexcept {
  std::int64_t at = never;
  for (const auto& t : threads)
    if (t->state == simulated_thread::status::blocked) at = std::min(at, t->wake_at);
  return at;
}

// All that can run are pausing: what they wait for is time.
void simulator::pass_pauses() noexcept {
  current->paused = true;
  if (!std::ranges::all_of(ready, [](const simulated_thread* t) { return t->paused; })) return;
  jump_to(std::min(now + pause_ns, earliest_deadline()));
  for (simulated_thread* const t : ready) t->paused = false;
}

void simulator::fail(std::string what) {
  failure = std::move(what);
  if (current->id == 0) report_failure(*this);
  simulated_thread& test = *threads.front();
  switch_to(test);
  std::abort();  // the world is over: nothing switches back
}

std::string simulator::describe_threads() const {
  std::string out;
  for (const auto& t : threads) {
    const char* const state = t->state == simulated_thread::status::ready     ? "can run"
                              : t->state == simulated_thread::status::blocked ? "blocked"
                                                                              : "ended";
    out += "  " + std::to_string(t->id) + " " + t->name + ": " + state;
    if (t->state == simulated_thread::status::blocked && t->wake_at != never)
      out += " until " + std::to_string(t->wake_at) + " ns";
    if (t->last_kind != step_kind::start)
      out += std::string{", last "} + to_string(t->last_kind) + " at " + place_of(t->last_site) + " " +
             label_of(t->last_address);
    out += '\n';
  }
  return out;
}

}  // namespace weft::detail

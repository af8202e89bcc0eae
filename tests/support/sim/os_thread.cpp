// Threads that the library starts: simulated, and in the background, so run() does not wait for their end.
#include <weft/runtime/base/os_thread.hpp>

#include <memory>

#include <sim/simulator.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::detail {

struct os_thread::state {
  simulator* world;
  simulated_thread* thread;
};

result<os_thread> os_thread::start(const char* name, std::move_only_function<void()> body) {
  WEFT_ASSERT(active_simulator != nullptr, "the simulated library runs in a world only");
  return os_thread{
      new state{active_simulator, &active_simulator->start(name, std::move(body), /*background=*/true)}};
}

void os_thread::join() noexcept {
  if (state_ == nullptr) return;
  const std::unique_ptr<state> s{std::exchange(state_, nullptr)};
  s->world->decide(step_kind::block, s->thread, std::source_location::current());
  while (s->thread->state != simulated_thread::status::ended) s->world->block(s->thread, simulator::never);
}

}  // namespace weft::detail

// A task is the handle of a fiber: join it for its value, give up at a deadline, ask it to stop.
//
//   task
#include <weft/weft.hpp>

#include <cstdio>
#include <stdexcept>

using namespace std::chrono_literals;

weft::result<int> slow_answer() {
  WEFT_TRY(weft::this_fiber::sleep_for(10s));
  return 42;
}

weft::result<void> app() {
  auto slow = weft::spawn(slow_answer);
  if (const auto early = slow.join(10ms); !early)
    std::printf("not yet: %s\n", early.error().message().c_str());
  slow.request_stop();
  if (const auto stopped = slow.join(); !stopped)
    std::printf("stopped: %s\n", stopped.error().message().c_str());

  auto thrower = weft::spawn([]() -> int { throw std::runtime_error{"an exception goes to whoever joins"}; });
  try {
    thrower.join();
  } catch (const std::exception& e) {
    std::printf("caught: %s\n", e.what());
  }
  return {};
}

int main() { return weft::exit_status(weft::run(app), "task"); }

// A call that somebody else's std::stop_token cancels. The fiber that makes the call goes on.
//
//   with_stop
#include <weft/weft.hpp>

#include <cstdio>
#include <thread>

using namespace std::chrono_literals;

weft::result<void> app() {
  std::stop_source stop;
  std::jthread button{[&] {
    (void)weft::this_fiber::sleep_for(5ms);  // on a thread it blocks the thread
    stop.request_stop();
  }};

  weft::event never;
  const auto waited = weft::with_stop(stop.get_token(), [&] { return never.wait(); });
  std::printf("the wait: %s\n", waited.error().message().c_str());

  const auto after = weft::this_fiber::sleep_for(1ms);
  std::printf("and then: %s\n", after ? "as usual" : after.error().message().c_str());
  return {};
}

int main() { return weft::exit_status(weft::run(app), "with_stop"); }

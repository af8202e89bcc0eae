// Clean-up in a fiber that has been stopped: inside the shield it may wait again, but not for ever.
//
//   cancellation_shield
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;

struct connection {
  ~connection() {
    const weft::cancellation_shield shield{1s};
    const auto sent = weft::this_fiber::sleep_for(1ms);  // stands for a last message
    std::printf("goodbye: %s\n", sent ? "sent" : sent.error().message().c_str());
  }

  weft::result<void> talk() { return weft::this_fiber::sleep_for(1h); }
};

weft::result<void> app() {
  auto talking = weft::spawn([] {
    connection c;
    return c.talk();
  });
  WEFT_TRY(weft::this_fiber::sleep_for(2ms));
  talking.request_stop();
  std::printf("talk: %s\n", talking.join().error().message().c_str());

  // The same around a call: its own deadline counts, that of the caller does not.
  weft::with_deadline(weft::deadline::past(), [] {
    const auto slept = weft::with_shield(1ms, [] { return weft::this_fiber::sleep_for(1h); });
    std::printf("in the shield: %s\n", slept.error().message().c_str());
  });
  return {};
}

int main() { return weft::exit_status(weft::run(app), "cancellation_shield"); }

// Works until SIGINT or SIGTERM, or until the time is over; a second Ctrl-C would end it at once.
//
//   signals [SECONDS]
#include <weft/weft.hpp>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

using namespace std::chrono_literals;

weft::result<void> app(std::chrono::seconds at_most) {
  auto worker = weft::spawn([]() -> weft::result<void> {
    for (int i = 1;; ++i) {
      WEFT_TRY(weft::this_fiber::sleep_for(20ms));
      if (i == 5) ::kill(::getpid(), SIGTERM);  // in place of you
    }
  });
  const auto signal = weft::signals::wait({SIGINT, SIGTERM}, at_most);
  if (signal) std::printf("signal %d: cleaning up\n", *signal);
  else if (signal.error() == weft::errc::deadline_exceeded) std::puts("time is over");
  else return std::unexpected(signal.error());
  worker.request_stop();
  (void)worker.join();
  return {};
}

int main(int argc, char** argv) {
  const std::chrono::seconds at_most{argc > 1 ? std::atoi(argv[1]) : 10};
  return weft::exit_status(weft::run([=] { return app(at_most); }), "signals");
}

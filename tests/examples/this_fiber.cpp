// A fiber that sleeps, gives way, and computes in a loop that can be stopped.
//
//   this_fiber
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;

weft::result<void> compute(unsigned long& rounds) {
  for (;; ++rounds) WEFT_TRY(weft::this_fiber::checkpoint());  // lets others run, and says when to stop
}

weft::result<void> app() {
  unsigned long rounds = 0;
  auto worker = weft::spawn([&] { return compute(rounds); }, {.name = "worker"});
  weft::this_fiber::sleep_for(20ms);
  worker.request_stop();
  const auto ended = worker.join();
  std::printf("%s, then: %s\n", rounds > 0 ? "computed" : "nothing done", ended.error().message().c_str());
  return {};
}

int main() { return weft::exit_status(weft::run(app), "this_fiber"); }

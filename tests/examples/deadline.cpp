// One deadline for several steps: what the first one takes is missing for the next.
//
//   deadline
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;

weft::result<void> app() {
  const weft::deadline until = 30ms;
  weft::event never;
  (void)never.wait(10ms);
  std::printf("%s\n", until.remaining() <= 20ms ? "at most 20 ms are left" : "time stood still");
  if (const auto waited = never.wait(until); !waited) std::printf("%s\n", waited.error().message().c_str());
  std::printf("expired: %s\n", until.expired() ? "yes" : "no");
  return {};
}

int main() { return weft::exit_status(weft::run(app), "deadline"); }

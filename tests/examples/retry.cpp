// A service that is not there at first, asked again after growing waits.
//
//   retry
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;

static weft::result<int> ask(int& calls) {
  if (++calls < 4) return std::unexpected(std::make_error_code(std::errc::connection_refused));
  return 42;
}

static weft::result<void> app() {
  int calls = 0;
  const weft::retry_policy patient{.attempts_max = 10, .delay = 1ms, .delay_max = 20ms};
  const int answer = WEFT_TRY(weft::retry(patient, [&] { return ask(calls); }, 10s));
  std::printf("%d, at call %d\n", answer, calls);

  calls = 0;
  const auto gave_up = weft::retry({.attempts_max = 2, .delay = 1ms}, [&] { return ask(calls); });
  std::printf("after %d calls: %s\n", calls, gave_up.error().message().c_str());
  return {};
}

int main() { return weft::exit_status(weft::run(app), "retry"); }

// The three timeouts of a service: per attempt, for all attempts together, and for the clean-up after both.
//
//   timeouts
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;

// Answers in time only the third time it is asked.
weft::result<int> ask(weft::channel<int>& answers, int attempt) {
  if (attempt == 3) WEFT_TRY(answers.send(42));
  return answers.recv(3ms);
}

weft::result<int> ask_until_answered(weft::channel<int>& answers, int attempts_max) {
  for (int attempt = 1;; ++attempt) {
    const auto answer = ask(answers, attempt);
    if (answer || answer.error() != weft::errc::deadline_exceeded || attempt == attempts_max) return answer;
    WEFT_TRY(weft::this_fiber::checkpoint());  // was it the deadline of all of us?
    std::printf("attempt %d: %s\n", attempt, answer.error().message().c_str());
  }
}

weft::result<void> app() {
  weft::channel<int> answers{1};
  const auto in_time = weft::with_deadline(1h, [&] { return ask_until_answered(answers, 5); });
  std::printf("in an hour: %d\n", WEFT_TRY(in_time));

  const auto late =
      weft::with_deadline(weft::deadline::past(), [&] { return ask_until_answered(answers, 5); });
  std::printf("at once: %s\n", late ? "?" : late.error().message().c_str());

  // The caller is out of time, but saying so to the other side has a second of its own.
  const auto cleaned_up = weft::with_deadline(
      weft::deadline::past(), [&] { return weft::with_shield(1s, [&] { return answers.send(0); }); });
  std::printf("clean-up: %s\n", cleaned_up ? "done" : cleaned_up.error().message().c_str());
  return {};
}

int main() { return weft::exit_status(weft::run(app), "timeouts"); }

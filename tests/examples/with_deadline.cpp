// One deadline around several calls, which need not know of it: whatever they wait for ends by then.
//
//   with_deadline
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;

weft::result<int> step(int takes_ms) {
  WEFT_TRY(weft::this_fiber::sleep_for(std::chrono::milliseconds{takes_ms}));
  return takes_ms;
}

weft::result<int> three_steps() {
  int sum = 0;
  sum += WEFT_TRY(step(1));
  auto second = weft::spawn([] { return step(2); });  // has the deadline too
  sum += WEFT_TRY(second.join());
  sum += WEFT_TRY(weft::with_deadline(1h, [] { return step(3); }));  // it can only become earlier
  return sum;
}

weft::result<void> app() {
  std::printf("in a minute: %d\n", WEFT_TRY(weft::with_deadline(1min, three_steps)));
  if (const auto late = weft::with_deadline(4ms, three_steps); !late)
    std::printf("in 4 ms: %s\n", late.error().message().c_str());
  std::printf("without one: %d\n", WEFT_TRY(three_steps()));
  return {};
}

int main() { return weft::exit_status(weft::run(app), "with_deadline"); }

// A promise kept by a thread that knows nothing of fibers, and a std::future that a fiber waits for.
//
//   future
#include <weft/weft.hpp>

#include <cstdio>
#include <future>
#include <thread>

using namespace std::chrono_literals;

static weft::result<void> app() {
  weft::promise<int> answer;
  weft::future<int> asked = answer.get_future();
  std::printf("not yet: %s\n", asked.get(1ms).error().message().c_str());
  std::thread{[p = std::move(answer)]() mutable { p.set_value(42); }}.detach();
  std::printf("the answer: %d\n", WEFT_TRY(asked.get(10s)));

  weft::future<int> theirs = weft::adopt(std::async(std::launch::async, [] { return 6 * 7; }));
  std::printf("theirs too: %d\n", theirs.get());

  weft::future<void> forgotten = weft::promise<void>{}.get_future();
  try {
    forgotten.get();
  } catch (const std::future_error& e) {
    std::printf("%s\n", e.code() == std::future_errc::broken_promise ? "a broken promise" : e.what());
  }
  return {};
}

int main() { return weft::exit_status(weft::run(app), "future"); }

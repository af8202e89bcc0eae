// Three slow calls of a library that knows nothing of fibers, at the same time, while a fiber counts on.
//
//   blocking
#include <weft/weft.hpp>

#include <cstdio>
#include <thread>

using namespace std::chrono_literals;

// Stands for a database client, getaddrinfo(), a compressor.
static int slow_square(int n) {
  std::this_thread::sleep_for(50ms);  // real time: it blocks its thread
  return n * n;
}

static weft::result<void> app() {
  weft::task<int> first = weft::spawn([] { return weft::blocking([] { return slow_square(3); }); });
  weft::task<int> second = weft::spawn_blocking([] { return slow_square(4); });
  int counted = 0;
  while (counted < 10) {
    WEFT_TRY(weft::this_fiber::sleep_for(1ms));
    ++counted;
  }
  std::printf("counted to %d meanwhile\n", counted);
  const int sum = first.join() + second.join();
  std::printf("9 + 16 = %d\n", sum);

  // Gives up only while the call waits for a thread.
  const weft::result<int> late = weft::blocking([] { return slow_square(5); }, 1s);
  std::printf("25 = %d\n", WEFT_TRY(late));
  return {};
}

int main() { return weft::exit_status(weft::run(app), "blocking"); }

// Two want one printer: who cannot have it within 5 ms does something else.
//
//   timed_mutex
#include <weft/weft.hpp>

#include <cstdio>
#include <mutex>

using namespace std::chrono_literals;

weft::result<void> app() {
  weft::timed_mutex printer;
  const std::lock_guard mine{printer};
  auto other = weft::spawn([&printer] {
    const std::unique_lock hold{printer, 5ms};
    std::printf("%s\n", hold ? "prints" : "the printer is busy");
  });
  other.join();
  return {};
}

int main() { return weft::exit_status(weft::run(app), "timed_mutex"); }

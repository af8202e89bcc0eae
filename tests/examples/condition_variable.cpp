// A mailbox: fibers wait for letters, a plain thread brings them; at closing time who still waits goes home.
//
//   condition_variable
#include <weft/weft.hpp>

#include <cstdio>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

using namespace std::chrono_literals;

weft::result<void> app() {
  weft::mutex lock;
  weft::condition_variable arrived;
  std::deque<std::string> letters;

  std::jthread postman{[&] {
    for (const char* const letter : {"a bill", "a postcard"}) {
      {
        const std::lock_guard hold{lock};
        letters.push_back(letter);
      }
      arrived.notify_one();
    }
  }};

  for (int i = 0; i < 3; ++i) {
    std::unique_lock hold{lock};
    const auto waited = arrived.wait(hold, 20ms, [&] { return !letters.empty(); });
    if (!waited) {
      std::printf("nothing more: %s\n", waited.error().message().c_str());
      break;
    }
    std::printf("%s\n", letters.front().c_str());
    letters.pop_front();
  }
  return {};
}

int main() { return weft::exit_status(weft::run(app), "condition_variable"); }

// A log that no writer waits for.
//
//   unbounded_channel
#include <weft/weft.hpp>

#include <cstdio>
#include <string>

int main() {
  weft::run([] {
    weft::unbounded_channel<std::string> log;
    auto writer = weft::spawn([&] {
      std::size_t lines = 0;
      for ([[maybe_unused]] const std::string& line : log) ++lines;
      std::printf("%zu lines\n", lines);
    });
    for (int i = 0; i < 1000; ++i)
      if (!log.send("request " + std::to_string(i))) break;
    log.close();
    writer.join();
  });
}

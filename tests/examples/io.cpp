// Copies standard input to standard output, as cat does, without ever blocking a thread.
//
//   echo hello | io
#include <weft/weft.hpp>

#include <unistd.h>

#include <array>

using namespace std::chrono_literals;

weft::result<void> copy(int from, int to) {
  std::array<std::byte, 4096> buffer;
  while (const std::size_t n = WEFT_TRY(weft::io::read(from, buffer, 10s)))
    for (std::size_t done = 0; done < n;)
      done += WEFT_TRY(weft::io::write(to, std::span{buffer}.first(n).subspan(done), 10s));
  return {};
}

int main() {
  return weft::exit_status(weft::run([] { return copy(STDIN_FILENO, STDOUT_FILENO); }), "io");
}

// A response whose head, body and end lie in three places goes out in one system call, and comes back as
// lines, which are copied only where they arrive in pieces.
//
//   segmented_buffer
#include <weft/weft.hpp>

#include <array>
#include <cstdio>

#include <unistd.h>

using namespace std::string_view_literals;

int main() {
  int ends[2];
  if (pipe(ends) != 0) return 1;
  const weft::bytes body = weft::bytes::copy_of("a body that many responses share\n"sv);
  weft::segmented_buffer output;
  output.append(weft::bytes::of_static("head\n"sv));
  output.append(body);
  output.append(weft::bytes::of_static("end\n"sv));

  const auto sent = weft::run([&]() -> weft::result<void> {
    while (!output.empty()) {
      std::array<iovec, 16> list;
      output.consume(WEFT_TRY(weft::io::writev(ends[1], output.gather(list))));
    }
    close(ends[1]);
    return {};
  });
  if (!sent) return weft::exit_status(sent, "segmented_buffer");

  weft::segmented_buffer input;
  for (;;) {  // as a stream brings it: ten bytes at a time
    weft::buffer part{10};
    const ssize_t n = read(ends[0], part.data(), part.size());
    if (n <= 0) break;
    part.resize(static_cast<std::size_t>(n));
    input.append(std::move(part));
  }
  for (std::size_t end; (end = input.find_byte(std::byte{'\n'})) < input.size();) {
    const weft::bytes line = input.take(end);
    input.consume(1);
    std::printf("%.*s\n", static_cast<int>(line.size()), line.text().data());
  }
  std::printf("copied: %zu bytes\n", input.copied_bytes());
}

// A file is sent to a client by the kernel alone, and comes back through a function that counts its lines.
//
//   transfer
#include <weft/weft.hpp>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

static weft::result<void> app() {
  weft::io::file file = WEFT_TRY(weft::io::file::temporary()), copy = WEFT_TRY(weft::io::file::temporary());
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "line " + std::to_string(i) + "\n";
  WEFT_TRY(file.pwrite_all(text, 0));

  auto [server, client] = WEFT_TRY(weft::net::unix_stream::pair());
  auto sender = weft::spawn([&, &to = server]() -> weft::result<void> {
    const weft::io::transferred sent = WEFT_TRY(weft::io::transfer(file, to));
    std::printf("sent %llu bytes by %s\n", static_cast<unsigned long long>(sent.bytes),
                weft::io::to_string(sent.way));
    return to.shutdown_write();
  });

  std::ptrdiff_t lines = 0;
  const auto count = [&](std::span<std::byte> chunk) {
    lines += std::count(chunk.begin(), chunk.end(), std::byte{'\n'});
    return chunk;
  };
  const auto received = WEFT_TRY(weft::io::pipe(client, copy, count));
  WEFT_TRY(sender.join());
  std::printf("received %llu bytes, %td lines\n", static_cast<unsigned long long>(received.bytes), lines);

  // A failure says how far it got.
  client.close();
  const auto failed = weft::io::transfer({copy, 0}, server);
  std::printf("then: %s after %llu bytes\n", failed.error().message().c_str(),
              static_cast<unsigned long long>(failed.error().moved.bytes));

  // From the program's own memory; here the kernel copies, as the socket is a local one.
  auto [near, far] = WEFT_TRY(weft::net::unix_stream::pair());
  const std::vector<std::byte> block(64 << 10);
  const auto sent = WEFT_TRY(near.write_all_zero_copy(block));
  std::printf("a block of %llu bytes went by %s\n", static_cast<unsigned long long>(sent.bytes),
              weft::io::to_string(sent.way));
  return {};
}

int main() { return weft::exit_status(weft::run(app), "transfer"); }

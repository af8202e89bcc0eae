// A tiny log daemon: senders without a name tell it lines, each in a datagram, and it answers those that have
// one.
#include <weft/weft.hpp>

#include <unistd.h>

#include <array>
#include <cstdio>

using namespace std::chrono_literals;
using namespace std::string_view_literals;
namespace net = weft::net;

weft::result<void> receive(net::unix_datagram& by) {
  std::array<std::byte, 256> line;
  const auto got = WEFT_TRY(by.recv_from(line, 5s));
  std::printf("%s says: %.*s\n", got.from.is_unnamed() ? "somebody" : "a client", static_cast<int>(got.size),
              reinterpret_cast<char*>(line.data()));
  if (!got.from.is_unnamed()) return by.send_to("noted"sv, got.from, 5s);
  return {};
}

int main() {
  const auto ended = weft::run([]() -> weft::result<void> {
    const std::string at = "@weft-log-" + std::to_string(::getpid());
    auto daemon = WEFT_TRY(net::unix_datagram::bind(at));

    auto nameless = WEFT_TRY(net::unix_datagram::open());
    WEFT_TRY(nameless.connect(at));
    WEFT_TRY(nameless.send("it rains"sv, 5s));
    WEFT_TRY(receive(daemon));

    auto named = WEFT_TRY(net::unix_datagram::bind(at + "-client"));
    WEFT_TRY(named.send_to("it snows"sv, WEFT_TRY(net::unix_address::parse(at)), 5s));
    WEFT_TRY(receive(daemon));
    std::array<std::byte, 16> answer;
    const auto got = WEFT_TRY(named.recv(answer, 5s));
    std::printf("answer: %.*s\n", static_cast<int>(got.size), reinterpret_cast<char*>(answer.data()));
    return {};
  });
  return weft::exit_status(ended, "unix_datagram");
}

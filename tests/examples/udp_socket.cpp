// Asks a server a hundred questions by two system calls, and counts the answers, which UDP does not promise.
#include <weft/weft.hpp>

#include <array>
#include <cstdio>
#include <vector>

using namespace std::chrono_literals;
using namespace std::string_view_literals;
namespace net = weft::net;

// Sends back what comes, as many datagrams at a time as are there.
weft::result<void> echo(net::udp_socket& server) {
  std::array<std::array<std::byte, 64>, 32> buffers;
  std::array<net::udp_socket::incoming, 32> in;
  for (std::size_t i = 0; i < in.size(); ++i) in[i].into = buffers[i];
  for (;;) {
    const std::size_t count = WEFT_TRY(server.recv_many(in));
    std::vector<net::udp_socket::outgoing> out;
    for (const auto& d : std::span{in}.first(count))
      out.push_back({.bytes = weft::byte_view{d.into.first(d.got.size)}, .to = d.got.from});
    WEFT_TRY(server.send_many(out, 1s));
  }
}

int main() {
  const auto ended = weft::run([]() -> weft::result<void> {
    auto server = WEFT_TRY(net::udp_socket::bind("127.0.0.1:0"));
    auto echoing = weft::spawn([&] { return echo(server); }, {.stack = weft::stack_class::kib64});

    auto client = WEFT_TRY(net::udp_socket::connect(server.local_address()));
    const std::vector<net::udp_socket::outgoing> questions(100, {.bytes = "who is there?"sv});
    const std::size_t sent = WEFT_TRY(client.send_many(questions, 1s));
    std::size_t answers = 0;
    std::array<std::byte, 64> answer;
    while (answers < sent && client.recv(answer, 2s)) ++answers;
    std::printf("%zu questions, %zu answers\n", sent, answers);

    server.close();
    const auto why = echoing.join();
    if (!why && why.error() != weft::errc::closed) return why;
    return {};
  });
  return weft::exit_status(ended, "udp_socket");
}

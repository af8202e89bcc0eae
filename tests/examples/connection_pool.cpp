// A hundred questions to a server over at most three connections, asked by twenty fibers at once.
//
//   connection_pool
#include <weft/weft.hpp>

#include <array>
#include <atomic>
#include <cstdio>

using namespace std::chrono_literals;
namespace net = weft::net;

weft::result<void> answer(net::tcp_stream s) {
  std::array<std::byte, 16> question;
  while (const std::size_t n = WEFT_TRY(s.read(question, 10s)))
    WEFT_TRY(s.write_all(std::span{question}.first(n), 10s));
  return {};
}

weft::result<void> ask(net::connection_pool& pool, std::string_view server) {
  const weft::deadline until = 10s;  // for the wait, the connection, and the talk
  auto s = WEFT_TRY(pool.acquire(server, until));
  std::array<std::byte, 4> reply;
  WEFT_TRY(s->write_all(std::string_view{"echo"}, until));
  WEFT_TRY(s->read_exactly(reply, until));
  s.give_back();  // after an error it is closed instead, and nobody gets the rest of our answer
  return {};
}

weft::result<void> app() {
  auto listener = WEFT_TRY(net::tcp_listener::bind("127.0.0.1:0"));
  std::atomic<int> connections = 0;
  auto server = weft::spawn([&] {
    return listener.serve([&](net::tcp_stream s) {
      ++connections;
      return answer(std::move(s));
    });
  });

  net::connection_pool pool{{.endpoint_limit = 3, .idle_max = 30s}};
  std::atomic<int> answers = 0;
  WEFT_TRY(weft::with_nursery([&](weft::nursery& all) {
    for (int i = 0; i < 20; ++i)
      all.spawn([&]() -> weft::result<void> {
        for (int question = 0; question < 5; ++question) {
          WEFT_TRY(ask(pool, listener.local_address()));
          ++answers;
        }
        return {};
      });
  }));
  const weft::pool_stats stats = pool.stats();
  std::printf("%d answers over %d connections\n", answers.load(), connections.load());
  std::printf("used again: %s\n", stats.hits > stats.misses ? "mostly" : "hardly");

  pool.close();
  listener.close();
  return server.join();
}

int main() { return weft::exit_status(weft::run(app), "connection_pool"); }

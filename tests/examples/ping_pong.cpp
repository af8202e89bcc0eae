// Two fibers and one ball.
//
//   ping_pong
#include <weft/weft.hpp>

#include <cstdio>

int main() {
  return weft::exit_status(weft::run([]() -> weft::result<void> {
                             weft::channel<int> ping{0}, pong{0};
                             auto other = weft::spawn([&]() -> weft::result<void> {
                               for (const int ball : ping) WEFT_TRY(pong.send(ball + 1));
                               return weft::this_fiber::checkpoint();
                             });
                             int ball = 0;
                             while (ball < 100'000) {
                               WEFT_TRY(ping.send(ball + 1));
                               ball = WEFT_TRY(pong.recv());
                             }
                             ping.close();
                             std::printf("%d strokes\n", ball);
                             return other.join();
                           }),
                           "ping_pong");
}

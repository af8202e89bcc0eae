// A request that carries the place for its reply.
//
//   oneshot
#include <weft/weft.hpp>

#include <cstdio>

struct request {
  int number;
  weft::oneshot<int>* reply;
};

int main() {
  return weft::exit_status(weft::run([]() -> weft::result<void> {
                             weft::channel<request> requests{0};
                             auto squares = weft::spawn([&]() -> weft::result<void> {
                               for (const request& r : requests) WEFT_TRY(r.reply->send(r.number * r.number));
                               return weft::this_fiber::checkpoint();
                             });
                             for (const int n : {3, 4}) {
                               weft::oneshot<int> reply;
                               WEFT_TRY(requests.send({n, &reply}));
                               std::printf("%d\n", WEFT_TRY(reply.recv()));
                             }
                             requests.close();
                             return squares.join();
                           }),
                           "oneshot");
}

// One fiber that hears of everything: orders, a ticking clock, and the wish to close.
//
//   select
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;

int main() {
  return weft::exit_status(
      weft::run([]() -> weft::result<void> {
        weft::channel<int> orders{4};
        weft::event closing;
        auto customers = weft::spawn([&]() -> weft::result<void> {
          for (const int price : {3, 4, 5}) WEFT_TRY(orders.send(price));
          WEFT_TRY(weft::this_fiber::sleep_for(25ms));
          closing.set();
          return {};
        });

        int sum = 0, idle = 0;
        for (bool open = true; open;) {
          WEFT_TRY(weft::select(
              weft::on_recv(orders, [&](weft::result<int> price) { sum += price.value_or(0); }),
              weft::on_set(closing, [&] { open = false; }), weft::on_timeout(10ms, [&] { ++idle; })));
        }
        std::printf("sold for %d\n", sum);
        std::printf("idle: %s\n", idle > 0 ? "yes" : "no");
        return customers.join();
      }),
      "select");
}

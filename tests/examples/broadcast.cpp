// One that keeps up, and one that does not.
//
//   broadcast
#include <weft/weft.hpp>

#include <cstdio>

int main() {
  return weft::exit_status(
      weft::run([]() -> weft::result<void> {
        weft::broadcast<int> ticks{4};
        auto quick = ticks.subscribe(), slow = ticks.subscribe();
        int heard = 0;
        for (int i = 0; i < 10; ++i) {
          WEFT_TRY(ticks.send(i));
          heard += WEFT_TRY(quick.recv()) == i;
        }
        std::printf("heard %d\n", heard);
        if (const auto first = slow.recv(); !first && first.error() == weft::errc::limit) {
          const auto missed = slow.missed();
          std::printf("missed %d, then %d\n", static_cast<int>(missed), WEFT_TRY(slow.recv()));
        }
        return {};
      }),
      "broadcast");
}

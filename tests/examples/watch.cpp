// A setting that changes while it is used.
//
//   watch
#include <weft/weft.hpp>

#include <cstdio>

int main() {
  return weft::exit_status(weft::run([]() -> weft::result<void> {
                             weft::watch<int> limit{10};
                             auto follower = weft::spawn([r = limit.subscribe()]() mutable {
                               int newest = 0;
                               while (const auto now = r.recv()) newest = *now;
                               std::printf("the last limit was %d\n", newest);
                             });
                             for (const int next : {20, 30, 40}) WEFT_TRY(limit.set(next));
                             std::printf("it is %d\n", limit.get());
                             limit.close();
                             follower.join();
                             return {};
                           }),
                           "watch");
}

// Writes to a slow device, one every millisecond; at most three wait, and who comes then is turned away.
//
//   leaky_bucket
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;

static void app() {
  weft::leaky_bucket device{{.count = 1, .per = 1ms}, /*waiting_max=*/3};
  int written = 0, refused = 0;
  weft::wait_group all;
  for (int i = 0; i < 6; ++i) {
    all.add(1);
    weft::go(
        [&] {
          if (device.acquire()) ++written;
          else ++refused;
          all.done();
        },
        {.worker = 0});
  }
  (void)all.wait();
  std::printf("%d written, %d refused\n", written, refused);
}

int main() { weft::run(app, {.workers = 1}); }

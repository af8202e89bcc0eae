// Many children of one scope, all of which have ended when it has: a thousand in a nursery that is made for
// them. One operation is one child.
#include <cstdint>

#include <weft/runtime/nursery.hpp>
#include <weft/runtime/runtime.hpp>

#include "harness.hpp"

namespace {

bench::sample nursery_1000(std::uint64_t operations) {
  return weft::run(
      [operations] {
        constexpr int batch = 1000;
        std::uint64_t ran = 0;
        const bench::stopwatch watch;
        while (ran < operations) {
          weft::nursery n;
          for (int i = 0; i < batch; ++i) n.spawn([&ran] { ++ran; });
          if (!n.join()) break;
        }
        return watch.stop(ran);
      },
      {.workers = 1});
}

const int rows[] = {bench::time_row("nursery/1000", nursery_1000)};

}  // namespace

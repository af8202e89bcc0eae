// A thousand requests, each of which needs a kilobyte to work in, share eight blocks: who comes when all are
// in use waits, and in the end the pool says how it went.
//
//     block_pool
#include <cstdio>
#include <cstring>

#include <weft/weft.hpp>

int main() {
  weft::block_pool pool{1024, {.name = "requests", .limit = 8}};
  weft::run([&] {
    weft::nursery requests;
    for (int i = 0; i < 1000; ++i)
      requests.spawn([&, i]() -> weft::result<void> {
        const weft::pooled_block work = WEFT_TRY(pool.acquire());  // goes back by itself
        std::snprintf(reinterpret_cast<char*>(work.data()), work.size(), "request %d", i);
        weft::this_fiber::yield();
        return {};
      });
    (void)requests.join();
  });
  const weft::pool_stats stats = pool.stats();
  std::printf("at most %zu at once, %zu in use now, %llu served\n", stats.high_water, stats.in_use,
              static_cast<unsigned long long>(stats.hits + stats.misses));
}

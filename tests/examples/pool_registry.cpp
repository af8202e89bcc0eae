// All pools of the process, and how they fare: what a program would tell its metrics.
//
//     pool_registry
#include <cstdio>

#include <weft/weft.hpp>

int main() {
  weft::block_pool pool{4096, {.name = "messages", .limit = 10}};
  const auto tell = [&] {
    const auto message = pool.try_acquire();
    weft::for_each_pool([](std::string_view name, const weft::pool_stats& s) {
      std::printf("%.*s: %zu in use, %llu hits, %llu misses, %llu refused\n", static_cast<int>(name.size()),
                  name.data(), s.in_use, static_cast<unsigned long long>(s.hits),
                  static_cast<unsigned long long>(s.misses), static_cast<unsigned long long>(s.refused));
    });
  };
  weft::run(tell, {.workers = 1});
}

// Two fibers fill a map and a list whose nodes come from pools.
//
//     pool_resource
#include <cstdio>
#include <list>
#include <map>
#include <memory_resource>

#include <weft/weft.hpp>

int main() {
  weft::pool_resource nodes{{.name = "nodes", .limit = 100'000}};
  weft::run([&] {
    auto squares = weft::spawn([&] {
      std::pmr::map<int, int> of{&nodes};
      for (int i = 0; i < 10'000; ++i) of[i] = i * i;
      return of[99];
    });
    auto sum = weft::spawn([&] {
      std::pmr::list<int> numbers{&nodes};
      long long all = 0;
      for (int i = 1; i <= 10'000; ++i) {
        numbers.push_back(i);
        all += numbers.back();
        if (i % 10 == 0) numbers.clear();
      }
      return all;
    });
    std::printf("99 squared is %d\n", squares.join());
    std::printf("the sum is %lld\n", sum.join());
  });
  std::printf("%zu in use\n", nodes.stats().in_use);
}

// Orders are made in a pool: they stay where they are while handles to them go from fiber to fiber, and there
// are never more than the pool allows.
//
//     object_pool
#include <cstdio>
#include <string>

#include <weft/weft.hpp>

struct order {
  int number;
  std::string dish;
};

int main() {
  weft::object_pool<order> pool{{.name = "orders", .limit = 4}};
  pool.warm_up(4);  // the first guests do not wait for the kernel
  weft::run([&] {
    weft::channel<weft::pooled<order>> kitchen{2};
    auto cook = weft::spawn([&] {
      int cooked = 0;
      for (weft::pooled<order>& next : kitchen) {
        ++cooked;
        next.reset();  // room for another
      }
      return cooked;
    });
    for (int i = 1; i <= 100; ++i) {
      auto taken = pool.acquire(i, "soup");  // waits while four are on their way
      if (!taken || !kitchen.send(std::move(*taken))) return;
    }
    kitchen.close();
    std::printf("%d orders cooked\n", cook.join());
  });
  std::printf("%zu left, never more than %zu\n", pool.stats().in_use, pool.stats().limit);
}

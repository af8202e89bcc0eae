// Something costly is made by whoever needs it first, once; when making it fails, the next one tries again.
//
//   once_flag
#include <weft/weft.hpp>

#include <cstdio>
#include <stdexcept>
#include <vector>

void app() {
  weft::once_flag flag;
  int attempts = 0, table = 0;
  const auto make_table = [&] {
    weft::this_fiber::yield();  // the others come and wait
    if (++attempts == 1) throw std::runtime_error{"no wood"};
    table = 42;
  };

  std::vector<weft::task<int>> users;
  for (int i = 0; i < 10; ++i)
    users.push_back(weft::spawn([&] {
      weft::call_once(flag, make_table);
      return table;
    }));
  int sum = 0;
  for (auto& u : users) try {
      sum += u.join();
    } catch (const std::runtime_error& e) {
      std::printf("one failed: %s\n", e.what());
    }
  std::printf("%d attempts, 9 users: %d\n", attempts, sum);
}

int main() { weft::run(app); }

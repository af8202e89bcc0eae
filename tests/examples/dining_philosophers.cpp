// Dijkstra's dining philosophers: five fibers, five chopsticks between them, and each needs the two beside it
// to eat. std::scoped_lock takes two mutexes so that nobody waits for ever.
//
//   dining_philosophers
#include <weft/weft.hpp>

#include <cstdio>
#include <mutex>
#include <vector>

constexpr int philosophers = 5;
constexpr int meals = 200;

struct chopstick {
  weft::mutex lock;
  int user = -1;  // guarded by lock
  int uses = 0;
};

// How often one ate with a chopstick that another was using.
int dine(int who, chopstick& left, chopstick& right) {
  int disputes = 0;
  for (int i = 0; i < meals; ++i) {
    const std::scoped_lock both{left.lock, right.lock};
    for (chopstick* const c : {&left, &right}) {
      if (c->user != -1) ++disputes;
      c->user = who;
      ++c->uses;
    }
    weft::this_fiber::yield();  // a long meal
    for (chopstick* const c : {&left, &right}) {
      if (c->user != who) ++disputes;
      c->user = -1;
    }
  }
  return disputes;
}

void app() {
  chopstick chopsticks[philosophers];
  std::vector<weft::task<int>> table;
  for (int i = 0; i < philosophers; ++i)
    table.push_back(
        weft::spawn([&chopsticks, i] { return dine(i, chopsticks[i], chopsticks[(i + 1) % philosophers]); }));
  int disputes = 0, uses = 0;
  for (auto& t : table) disputes += t.join();
  for (const chopstick& c : chopsticks) uses += c.uses;
  std::printf("%d philosophers had %d meals and %d disputes\n", philosophers, uses / 2, disputes);
}

int main() { weft::run(app); }

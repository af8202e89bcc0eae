// Many fibers read a table at the same time; one that changes it waits for them, and has it alone.
//
//   shared_mutex
#include <weft/weft.hpp>

#include <cstdio>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

weft::result<void> app() {
  weft::shared_mutex lock;
  std::map<std::string, int> stock{{"apples", 3}, {"pears", 5}};
  int inside = 0;  // counted on one worker
  weft::event enough;

  const auto read = [&] {
    const std::shared_lock hold{lock};
    if (++inside == 10) enough.set();
    (void)enough.wait();  // until ten of us read
    return stock.at("apples");
  };
  std::vector<weft::task<int>> readers;
  for (int i = 0; i < 10; ++i) readers.push_back(weft::spawn(read, {.worker = 0}));

  WEFT_TRY(enough.wait());
  {
    const std::lock_guard alone{lock};  // when the last of them has gone
    stock["apples"] += 10;
  }
  int seen = 0;
  for (auto& r : readers) seen += r.join();
  const std::shared_lock hold{lock};
  std::printf("ten readers saw %d apples, now there are %d\n", seen, stock.at("apples"));
  return {};
}

int main() { return weft::exit_status(weft::run(app), "shared_mutex"); }

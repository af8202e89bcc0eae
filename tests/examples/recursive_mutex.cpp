// An account whose operations lock it, and use each other.
//
//   recursive_mutex
#include <weft/weft.hpp>

#include <cstdio>
#include <mutex>

class account {
 public:
  void add(int amount) {
    const std::lock_guard hold{lock_};
    balance_ += amount;
  }
  void add_twice(int amount) {
    const std::lock_guard hold{lock_};  // both or none, as others see it
    add(amount);
    add(amount);
  }
  int balance() {
    const std::lock_guard hold{lock_};
    return balance_;
  }

 private:
  weft::recursive_mutex lock_;
  int balance_ = 0;
};

weft::result<void> app() {
  account shared;
  std::vector<weft::task<void>> all;
  for (int i = 0; i < 10; ++i) all.push_back(weft::spawn([&shared] { shared.add_twice(5); }));
  for (auto& t : all) t.join();
  std::printf("%d\n", shared.balance());
  return {};
}

int main() { return weft::exit_status(weft::run(app), "recursive_mutex"); }

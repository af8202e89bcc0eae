// Sharing a catalogue, or doing without it if it is being rewritten for too long.
//
//   shared_timed_mutex
#include <weft/weft.hpp>

#include <cstdio>
#include <mutex>

using namespace std::chrono_literals;

void app() {
  weft::shared_timed_mutex catalogue;
  const auto look = [&catalogue] {
    if (!catalogue.try_lock_shared_for(5ms)) return "no catalogue today";
    catalogue.unlock_shared();
    return "page 1";
  };
  std::unique_lock rewriting{catalogue};
  std::puts(weft::spawn(look).join());
  rewriting.unlock();
  std::puts(weft::spawn(look).join());
}

int main() { weft::run(app); }

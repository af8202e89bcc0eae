// Samples from a thread that must never wait to one that adds them up: in place, many at a time, no lock.
//
//   spsc_ring
#include <weft/weft.hpp>

#include <cstdio>
#include <numeric>
#include <thread>

int main() {
  constexpr int samples = 100'000;
  weft::spsc_ring<int> ring{1024};
  std::thread source{[&] {
    for (int next = 1; next <= samples;) {
      const std::span<int> room = ring.writable();
      std::size_t n = 0;
      while (n < room.size() && next <= samples) room[n++] = next++;
      ring.commit_write(n);
      if (n == 0) std::this_thread::yield();
    }
  }};
  long sum = 0;
  for (int seen = 0; seen < samples;) {
    const std::span<int> data = ring.readable();
    sum = std::accumulate(data.begin(), data.end(), sum);
    seen += static_cast<int>(data.size());
    ring.commit_read(data.size());
    if (data.empty()) std::this_thread::yield();
  }
  source.join();
  std::printf("%d samples, sum %ld\n", samples, sum);
}

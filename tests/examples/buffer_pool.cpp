// Lines are read into buffers of a pool and passed on as slices: no byte is copied, and no more memory is
// used than the pool has, however many lines there are.
//
//   buffer_pool
#include <weft/weft.hpp>

#include <algorithm>
#include <cstdio>
#include <span>
#include <string>

constexpr int blocks = 1000;

// Stands for a device that fills whatever it is given.
std::size_t read_block(int number, std::span<std::byte> into) {
  const std::string text = std::to_string(number) + ' ' + std::to_string(number * number);
  std::ranges::copy(std::as_bytes(std::span{text}), into.begin());
  return text.size();
}

weft::result<void> reader(weft::buffer_pool& pool, weft::channel<weft::bytes>& out) {
  for (int i = 0; i < blocks; ++i) {
    auto block = WEFT_TRY(pool.acquire(4096));  // waits while eight are on their way
    block.resize(read_block(i, block));
    const weft::bytes line{std::move(block)};
    WEFT_TRY(out.send(line.slice(line.text().find(' ') + 1)));
  }
  out.close();
  return {};
}

weft::result<void> app(weft::buffer_pool& pool) {
  weft::channel<weft::bytes> squares{100};
  auto reads = weft::spawn([&] { return reader(pool, squares); });
  int received = 0;
  std::string last;
  for (const weft::bytes& square : squares) {
    ++received;
    last = square.text();
  }
  WEFT_TRY(reads.join());
  const weft::pool_stats stats = pool.stats(4096);
  std::printf("%d squares, the last one %s\n", received, last.c_str());
  std::printf("never more than 8 buffers: %s\n", stats.high_water <= 8 ? "yes" : "no");

  const auto pinned = pool.pin(65'536);  // for the kernel: it never has to fetch a page of these
  std::printf("pinned: %s\n", pinned ? "yes" : pinned.error().message().c_str());
  const auto aligned = WEFT_TRY(pool.acquire(50'000));
  std::printf("%zu of %zu bytes, from a page on\n", aligned.size(), aligned.capacity());
  return {};
}

int main() {
  weft::buffer_pool pool{{.kib4 = {.limit = 8}, .kib64 = {.limit = 2}}};
  return weft::exit_status(weft::run([&] { return app(pool); }), "buffer_pool");
}

// Much of the same at once, and each of it real: 100,000 tasks that live together and compute, 50,000 blocks
// of up to 1 MiB that are written to, and 1000 files of 100 KB, written, read back and removed. A row that
// does not do all of it has no figure.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <weft/io/file.hpp>
#include <weft/io/filesystem.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/tiered_pool.hpp>

#include "harness.hpp"

namespace {

// FNV-1a over 1 KiB that depend on `seed`.
std::uint64_t checksum(std::uint64_t seed) noexcept {
  std::array<std::uint64_t, 128> words;
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = seed + i;
  std::uint64_t sum = 14695981039346656037u;
  for (const std::byte b : std::as_bytes(std::span{words}))
    sum = (sum ^ std::to_integer<unsigned>(b)) * 1099511628211u;
  return sum;
}

// Each gives way once, with half of its work done, so that all of them live at the same time.
bench::sample tasks(std::uint64_t count) {
  return weft::run(
      [count] {
        std::vector<weft::task<std::uint64_t>> all(count);
        const bench::stopwatch watch;
        for (std::uint64_t i = 0; i < count; ++i)
          all[i] = weft::spawn([i] {
            const std::uint64_t half = checksum(i);
            weft::this_fiber::yield();
            return half ^ checksum(i + 1);
          });
        std::uint64_t sum = 0;
        for (auto& t : all) sum ^= t.join();
        // All in between cancel each other out.
        return watch.stop(sum == (checksum(0) ^ checksum(count)) ? count : 0);
      },
      {.workers = 1});
}

// A hundred fibers; each holds its block while the others run. What is taken is between 1 byte and 1 MiB, as
// often in each power of two; every page of it is written to. There are fewer large blocks than fibers.
bench::sample allocations(std::uint64_t count) {
  return weft::run(
      [count] {
        constexpr std::uint64_t fibers = 100;
        weft::tiered_pool pool;
        bench::random_numbers random;
        std::vector<weft::task<bool>> all(fibers);
        const bench::stopwatch watch;
        for (auto& t : all)
          t = weft::spawn([&] {
            for (std::uint64_t i = 0; i < count / fibers; ++i) {
              const std::size_t bytes =
                  1 + (random.next() & ((std::uint64_t{1} << (random.next() % 21)) - 1));
              const auto block = pool.acquire(bytes);
              if (!block) return false;
              for (std::size_t at = 0; at < bytes; at += 4096) block->data()[at] = std::byte{1};
              weft::this_fiber::yield();
            }
            return true;
          });
        bool good = true;
        for (auto& t : all) good = t.join() && good;
        return watch.stop(good ? count : 0);
      },
      {.workers = 1});
}

weft::result<void> write_read_remove(const std::string& path, std::uint64_t number) {
  const std::string bytes(100'000, static_cast<char>('a' + number % 26));
  {
    auto f = WEFT_TRY(weft::io::file::open(path, O_WRONLY | O_CREAT | O_EXCL));
    WEFT_TRY(f.write_all(bytes));
  }
  std::string got(bytes.size(), ' ');
  auto f = WEFT_TRY(weft::io::file::open(path));
  WEFT_TRY(f.read_exactly(std::as_writable_bytes(std::span{got})));
  if (got != bytes) return std::unexpected(weft::errc::protocol);
  return weft::io::unlink(path);
}

// On a disk, where /tmp often is none; 25 at a time.
bench::sample files(std::uint64_t count) {
  return weft::run(
      [count] {
        constexpr std::uint64_t fibers = 25;
        const std::string folder = weft::io::create_temporary_directory("/var/tmp/weft-bench-").value();
        std::vector<weft::task<bool>> all(fibers);
        const bench::stopwatch watch;
        for (std::uint64_t first = 0; first < fibers; ++first)
          all[first] = weft::spawn([&, first] {
            for (std::uint64_t i = first; i < count; i += fibers)
              if (!write_read_remove(folder + '/' + std::to_string(i), i)) return false;
            return true;
          });
        bool good = true;
        for (auto& t : all) good = t.join() && good;
        const bench::sample taken = watch.stop(good ? count : 0);
        (void)weft::io::remove_all(folder);
        return taken;
      },
      {.workers = 1});
}

const int rows[] = {
    bench::time_row("stress/100k_tasks", tasks, {.operations = 100'000, .repetitions = 3}),
    bench::time_row("stress/50k_allocations", allocations, {.operations = 50'000, .repetitions = 3}),
    bench::time_row("stress/1000_files_100k", files, {.operations = 1000, .repetitions = 3}),
};

}  // namespace

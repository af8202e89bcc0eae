// Reads of 4 KiB at random places of a file of 16 MiB: one at a time from the page cache, 32 in a batch from
// the page cache, and 32 in a batch from the disk (O_DIRECT, where the file system can). One operation is one
// read.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>

#include <fcntl.h>

#include <weft/io/aligned_buffer.hpp>
#include <weft/io/batch.hpp>
#include <weft/io/file.hpp>
#include <weft/runtime/runtime.hpp>

#include "harness.hpp"

namespace {

constexpr std::size_t block = 4096, blocks = 4096, batch_size = 32;

// The rivals make theirs in the same folder: a disk, where /tmp often is none.
weft::io::file make_file(int flags) {
  weft::io::file made = weft::io::file::temporary("/var/tmp").value();
  const std::string bytes(block * blocks, 'f');
  if (!made.pwrite_all(bytes, 0) || !made.sync()) {
    std::fputs("weft-bench: cannot write /var/tmp\n", stderr);
    std::exit(1);
  }
  const int fd = made.release();
  (void)::fcntl(fd, F_SETFL, flags);
  return weft::io::file{fd};
}

void check(bool good) {
  if (good) return;
  std::fputs("weft-bench: a read failed\n", stderr);
  std::exit(1);
}

bench::sample read_4k_cached(std::uint64_t operations) {
  return weft::run(
      [operations] {
        weft::io::file f = make_file(0);
        weft::io::aligned_buffer page{block};
        bench::random_numbers random;
        const bench::stopwatch watch;
        for (std::uint64_t i = 0; i < operations; ++i)
          check(f.pread(page.bytes(), random.next() % blocks * block) == block);
        return watch.stop(operations);
      },
      {.workers = 1});
}

template <int Flags>
bench::sample batch_32(std::uint64_t operations) {
  return weft::run(
      [operations] {
        weft::io::file f = make_file(Flags);
        weft::io::aligned_buffer pages{batch_size * block};
        weft::io::batch b;
        bench::random_numbers random;
        std::uint64_t done = 0;
        const bench::stopwatch watch;
        while (done < operations) {
          for (std::size_t i = 0; i < batch_size; ++i)
            b.read(f, pages.bytes().subspan(i * block, block), random.next() % blocks * block);
          for (const auto& r : b.wait_all()) check(r == block);
          done += batch_size;
        }
        return watch.stop(done);
      },
      {.workers = 1});
}

const int rows[] = {
    bench::time_row("file/read_4k_cached", read_4k_cached),
    bench::time_row("file/batch_32", batch_32<0>),
    bench::time_row("file/batch_32_direct", batch_32<O_DIRECT>),
};

}  // namespace

// 100,000 files of 4 KiB, opened, read and closed 32 at a time: one call on the offload pool opens the next
// 32, one io::batch reads them. From the page cache, and from the disk (O_DIRECT).
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <fcntl.h>
#include <unistd.h>

#include <weft/io/aligned_buffer.hpp>
#include <weft/io/batch.hpp>
#include <weft/runtime/blocking.hpp>
#include <weft/runtime/runtime.hpp>

#include "many_files.hpp"

namespace {

template <int Flags>
bench::sample read_in_batches(std::uint64_t count) {
  const bench::file_tree& files = bench::files();
  return weft::run(
      [&files, count] {
        weft::io::aligned_buffer pages{bench::files_in_batch * bench::file_size};
        std::array<int, bench::files_in_batch> opened;
        weft::io::batch b;
        const bench::stopwatch watch;
        for (std::uint64_t first = 0; first < count; first += opened.size()) {
          weft::blocking([&] {
            for (std::size_t i = 0; i < opened.size(); ++i) opened[i] = files.open(first + i, Flags);
          });
          for (std::size_t i = 0; i < opened.size(); ++i)
            b.read(opened[i], pages.bytes().subspan(i * bench::file_size, bench::file_size), 0);
          for (const auto& r : b.wait_all()) bench::check_file(r == bench::file_size);
          for (const int fd : opened) ::close(fd);  // was only read: does not wait
        }
        return watch.stop(count);
      },
      {.workers = 1});
}

static_assert(bench::many_files % bench::files_in_batch == 0);

const int rows[] = {
    bench::time_row("file/many_4k", read_in_batches<0>, bench::all_of_them),
    bench::time_row("file/many_4k_direct", read_in_batches<O_DIRECT>, bench::all_of_them),
};

}  // namespace

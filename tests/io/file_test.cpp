// io::file on both backends: what is written is read, cached reads do not park, and all that can go wrong is
// an error of its own: a full disk, a closed file, a stop, a stranger's lock.
#include "file_fixture.hpp"

#include <algorithm>

#include <weft/io/aligned_buffer.hpp>
#include <weft/runtime/offload_pool.hpp>
#include <weft/runtime/scheduler.hpp>

namespace weft::detail {
namespace {

class File : public OnFiles {};
INSTANTIATE_TEST_SUITE_P(backends, File, testing::Values(backend::uring, backend::epoll), backend_name);

using io::file;

constexpr int fresh = O_RDWR | O_CREAT | O_EXCL;

std::string read_to_end(file& from) {
  std::string all;
  char part[1000];
  while (const std::size_t n = from.read(bytes_of(part)).value()) all.append(part, n);
  return all;
}

std::uint64_t submitted() { return worker::current()->io().counters().submitted; }

// --- transfers

TEST_P(File, what_is_written_at_an_offset_is_read_there) {
  run(1, [&] {
    file f = file::open(path("f"), fresh).value();
    ASSERT_TRUE(f.pwrite_all(std::string_view{"0123456789"}, 5));
    char part[4];
    EXPECT_EQ(f.pread(bytes_of(part), 6).value(), 4u);
    EXPECT_EQ(std::string_view(part, 4), "1234");
    EXPECT_EQ(f.pread(bytes_of(part), 12).value(), 3u);  // the file ends
    EXPECT_EQ(f.pread(bytes_of(part), 15).value(), 0u);
    EXPECT_EQ(f.pread_exactly(bytes_of(part), 12).error(), errc::end_of_stream);
    EXPECT_TRUE(f.pread_exactly(bytes_of(part), 11));
    EXPECT_EQ(std::string_view(part, 4), "6789");
  });
  EXPECT_EQ(content("f"), std::string(5, '\0') + "0123456789");
}

TEST_P(File, a_stream_goes_on_where_it_was) {
  run(1, [&] {
    file f = file::open(path("f"), fresh).value();
    ASSERT_TRUE(f.write_all(std::string_view{"one two three"}));
    EXPECT_EQ(f.seek(4).value(), 4u);
    char word[3];
    EXPECT_TRUE(f.read_exactly(bytes_of(word)));
    EXPECT_EQ(std::string_view(word, 3), "two");
    EXPECT_EQ(read_to_end(f), " three");
    EXPECT_EQ(f.read_exactly(bytes_of(word)).error(), errc::end_of_stream);
    EXPECT_EQ(f.seek(-5, SEEK_END).value(), 8u);
    EXPECT_EQ(read_to_end(f), "three");
  });
}

TEST_P(File, vectors_are_scattered_and_gathered) {
  run(1, [&] {
    file f = file::open(path("f"), fresh).value();
    char a[] = "abc", b[] = "defgh";
    const iovec out[] = {{a, 3}, {b, 5}};
    EXPECT_EQ(f.writev(out).value(), 8u);
    EXPECT_EQ(f.pwritev(out, 6).value(), 8u);
    char c[5], d[20];
    const iovec in[] = {{c, 5}, {d, 20}};
    EXPECT_EQ(f.preadv(in, 1).value(), 13u);
    EXPECT_EQ(std::string_view(c, 5), "bcdef");
    EXPECT_EQ(std::string_view(d, 8), "abcdefgh");
    EXPECT_EQ(f.seek(2).value(), 2u);
    EXPECT_EQ(f.readv(in).value(), 12u);
    EXPECT_EQ(std::string_view(c, 5), "cdefa");
  });
  EXPECT_EQ(content("f"), "abcdefabcdefgh");
}

TEST_P(File, append_goes_to_the_end_and_leaves_the_position) {
  run(2, [&] {
    file f = file::open(path("f"), fresh).value();
    ASSERT_TRUE(f.write_all(std::string_view{"begin\n"}));
    EXPECT_EQ(f.seek(0).value(), 0u);
    std::vector<task<void>> writers;
    for (int i = 0; i < 20; ++i)
      writers.push_back(spawn([&f] { EXPECT_EQ(f.append(std::string_view{"0123456789\n"}).value(), 11u); }));
    for (auto& w : writers) w.join();
    char first[5];
    EXPECT_TRUE(f.read_exactly(bytes_of(first)));
    EXPECT_EQ(std::string_view(first, 5), "begin");
  });
  std::string expected = "begin\n";
  for (int i = 0; i < 20; ++i) expected += "0123456789\n";
  EXPECT_EQ(content("f"), expected);
}

TEST_P(File, many_fibers_use_one_file_at_once) {
  constexpr std::size_t fibers = 64, block = 4096;
  run(2, [&] {
    file f = file::open(path("f"), fresh).value();
    std::vector<task<void>> all;
    for (std::size_t i = 0; i < fibers; ++i)
      all.push_back(spawn([&f, i] {
        const std::string mine(block, static_cast<char>('!' + i));
        EXPECT_TRUE(f.pwrite_all(mine, i * block));
        std::string back(block, ' ');
        EXPECT_TRUE(f.pread_exactly(bytes_of(back), i * block));
        EXPECT_EQ(back, mine);
      }));
    for (auto& t : all) t.join();
    EXPECT_EQ(f.size().value(), fibers * block);
  });
}

TEST_P(File, a_cached_read_neither_parks_nor_submits) {
  run(1, [&] {
    file f = file::open(path("f"), fresh).value();
    ASSERT_TRUE(f.pwrite_all(std::string(10'000, 'c'), 0));
    char page[4096];
    const std::uint64_t before = submitted();
    EXPECT_EQ(f.pread(bytes_of(page), 0).value(), 4096u);
    EXPECT_EQ(f.pread(bytes_of(page), 8192).value(), 1808u);  // up to the end
    EXPECT_EQ(f.pread(bytes_of(page), 20'000).value(), 0u);
    EXPECT_EQ(f.seek(0).value(), 0u);
    EXPECT_EQ(f.read(bytes_of(page)).value(), 4096u);
    const iovec one{page, sizeof page};
    EXPECT_EQ(f.preadv({&one, 1}, 100).value(), 4096u);
    EXPECT_EQ(submitted(), before);
  });
}

TEST_P(File, cached_reads_let_others_run) {
  run(1, [&] {
    file f = file::open(path("f"), fresh).value();
    ASSERT_TRUE(f.pwrite_all(std::string(4096, 'c'), 0));
    int others = 0;
    auto other = spawn([&] {
      for (; !this_fiber::stop_requested(); ++others) this_fiber::yield();
    });
    char part[64];
    for (int i = 0; i < 1024; ++i) EXPECT_EQ(f.pread(bytes_of(part), 0).value(), 64u);
    EXPECT_GE(others, 7);
    other.request_stop();
    other.join();
  });
}

TEST_P(File, a_read_goes_on_where_the_cache_ends) {
  run(1, [&] {
    constexpr std::size_t size = 1 << 20;
    file f = file::open(path("f"), fresh).value();
    std::string wrote(size, ' ');
    for (std::size_t i = 0; i < size; ++i) wrote[i] = static_cast<char>(i * 7 + i / 4096);
    ASSERT_TRUE(f.pwrite_all(wrote, 0));
    ASSERT_TRUE(f.sync());
    // tmpfs keeps all; a disk drops the second half.
    ASSERT_TRUE(f.advise({size / 2, 0}, POSIX_FADV_DONTNEED));
    ASSERT_TRUE(f.advise({}, POSIX_FADV_RANDOM));
    std::string back(size, ' ');
    EXPECT_TRUE(f.pread_exactly(bytes_of(back), 0));
    EXPECT_EQ(back, wrote);
  });
}

// --- what is no transfer

TEST_P(File, size_stat_truncate_and_allocate) {
  run(1, [&] {
    file f = file::open(path("f"), fresh, {.mode = 0640}).value();
    EXPECT_TRUE(f.truncate(1000));
    EXPECT_EQ(f.size().value(), 1000u);
    const auto status = f.stat().value();
    EXPECT_EQ(status.stx_size, 1000u);
    EXPECT_TRUE(S_ISREG(status.stx_mode));
    EXPECT_EQ(status.stx_mode & 0777 & ~0640u, 0u);
    EXPECT_EQ(status.stx_blocks, 0u);
    EXPECT_TRUE(f.allocate({0, 64 << 10}));
    EXPECT_EQ(f.size().value(), 64u << 10);
    EXPECT_GE(f.stat().value().stx_blocks * 512, 64u << 10);
    EXPECT_TRUE(f.truncate(3));
    EXPECT_EQ(f.size().value(), 3u);
    EXPECT_TRUE(f.sync());
    EXPECT_TRUE(f.sync_data());
  });
}

TEST_P(File, open_tells_what_the_kernel_says) {
  make("there", "x");
  run(1, [&] {
    EXPECT_EQ(file::open(path("absent")).error(), std::errc::no_such_file_or_directory);
    EXPECT_EQ(file::open(path("there"), fresh).error(), std::errc::file_exists);
    EXPECT_EQ(file::open(path("there"), O_RDONLY | O_DIRECTORY).error(), std::errc::not_a_directory);
    EXPECT_EQ(file::open(std::string_view{"a\0b", 3}).error(), std::errc::invalid_argument);
    file f = file::open(path("there")).value();
    EXPECT_EQ(f.write(std::string_view{"x"}).error(), std::errc::bad_file_descriptor);
    EXPECT_NE(::fcntl(f.native_handle(), F_GETFD) & FD_CLOEXEC, 0);
  });
}

TEST_P(File, a_path_stays_beneath_its_directory_if_asked) {
  make("inside", "x");
  run(1, [&] {
    const file folder = file::open(path(""), O_PATH | O_DIRECTORY).value();
    const io::open_options beneath{.resolve = 0x08 /*RESOLVE_BENEATH*/, .directory = folder.native_handle()};
    EXPECT_TRUE(file::open("inside", O_RDONLY, beneath));
    EXPECT_EQ(file::open("../inside", O_RDONLY, beneath).error(), std::errc::cross_device_link);
    EXPECT_EQ(file::open("/etc/passwd", O_RDONLY, beneath).error(), std::errc::cross_device_link);
  });
}

TEST_P(File, a_temporary_file_has_no_name_until_it_gets_one) {
  run(1, [&] {
    file f = file::temporary(path("")).value();
    ASSERT_TRUE(f.write_all(std::string_view{"kept"}));
    EXPECT_TRUE(std::filesystem::is_empty(path("")));
    EXPECT_TRUE(f.link(path("name")));
    EXPECT_EQ(f.link(path("name")).error(), std::errc::file_exists);
  });
  EXPECT_EQ(content("name"), "kept");
}

TEST_P(File, direct_io_with_aligned_buffers) {
  run(1, [&] {
    result<file> opened = file::open(path("f"), fresh | O_DIRECT);
    if (!opened) GTEST_SKIP() << "no O_DIRECT here: " << opened.error().message();
    const io::direct_alignment asked = opened->direct_alignment().value();
    io::aligned_buffer out{64 << 10}, in{64 << 10};
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(out.data()) % std::max(asked.memory, 1u), 0u);
    for (std::size_t i = 0; i < out.size(); ++i) out.bytes()[i] = static_cast<std::byte>(i % 251);
    EXPECT_TRUE(opened->pwrite_all(out.bytes(), 0));
    EXPECT_TRUE(opened->pread_exactly(in.bytes(), 0));
    EXPECT_TRUE(std::ranges::equal(in.bytes(), out.bytes()));
    const auto odd = opened->pread(in.bytes().subspan(1, 511), 3);
    if (asked.memory > 1) {
      EXPECT_EQ(odd.error(), std::errc::invalid_argument);
    }
  });
}

// --- locks

TEST_P(File, a_lock_holds_off_other_openings) {
  make("f", "0123456789");
  run(1, [&] {
    file mine = file::open(path("f"), O_RDWR).value();
    file theirs = file::open(path("f"), O_RDWR).value();
    ASSERT_TRUE(mine.lock());
    EXPECT_EQ(theirs.try_lock().error(), errc::would_block);
    EXPECT_EQ(theirs.lock(io::lock_kind::shared, deadline{3ms}).error(), errc::deadline_exceeded);
    auto waits = spawn([&] { EXPECT_TRUE(theirs.lock()); });
    auto gives_up = spawn([&] { EXPECT_EQ(theirs.lock().error(), errc::canceled); });
    (void)this_fiber::sleep_for(2ms);
    gives_up.request_stop();
    gives_up.join();
    EXPECT_TRUE(mine.unlock());
    waits.join();
    EXPECT_TRUE(theirs.lock(io::lock_kind::shared));
    EXPECT_TRUE(mine.try_lock(io::lock_kind::shared));
    EXPECT_EQ(mine.try_lock().error(), errc::would_block);
    EXPECT_TRUE(theirs.unlock());
    EXPECT_TRUE(mine.unlock());
    EXPECT_TRUE(theirs.try_lock(io::lock_kind::exclusive, {100, 10}));
    EXPECT_TRUE(mine.try_lock(io::lock_kind::exclusive, {0, 100}));
  });
}

TEST_P(File, close_ends_who_waits_for_a_lock) {
  make("f");
  run(1, [&] {
    file mine = file::open(path("f"), O_RDWR).value();
    file theirs = file::open(path("f"), O_RDWR).value();
    ASSERT_TRUE(mine.lock());
    auto waits = spawn([&] { EXPECT_EQ(theirs.lock().error(), errc::closed); });
    this_fiber::yield();
    theirs.close();
    waits.join();
  });
}

// --- a disk that fills up

TEST_P(File, a_full_disk_is_an_error_and_nothing_is_lost) {
  const int mounted = small_disk(256 << 10);
  if (mounted < 0) GTEST_SKIP() << "may not mount";
  const owned_fd disk{mounted};
  run(2, [&] {
    const io::open_options there{.directory = disk};
    file f = file::open("f", fresh, there).value();
    const std::string much(100'000, 'm');
    std::uint64_t written = 0;
    result<std::size_t> last;
    while ((last = f.pwrite(much, written))) {
      ASSERT_GT(*last, 0u);
      written += *last;  // the last one is short
    }
    EXPECT_EQ(last.error(), std::errc::no_space_on_device);
    EXPECT_EQ(written, 256u << 10);
    EXPECT_EQ(f.pwrite_all(much, written).error(), std::errc::no_space_on_device);
    EXPECT_EQ(f.append(much).error(), std::errc::no_space_on_device);
    EXPECT_EQ(f.allocate({written, 4096}).error(), std::errc::no_space_on_device);
    EXPECT_EQ(f.size().value(), written);
    std::string back(written, ' ');
    EXPECT_TRUE(f.pread_exactly(bytes_of(back), 0));
    EXPECT_EQ(back, std::string(written, 'm'));
    // Room that comes back is used again.
    EXPECT_TRUE(f.truncate(8192));
    EXPECT_TRUE(f.pwrite_all(much, 8192));
    EXPECT_EQ(f.size().value(), 8192 + much.size());
  });
}

TEST_P(File, a_size_limit_is_an_error_and_no_signal) {
  run(1, [&] {
    file f = file::open(path("f"), fresh).value();
    EXPECT_EQ(f.truncate(1ull << 63).error(), std::errc::invalid_argument);
    EXPECT_FALSE(f.pwrite(std::string_view{"x"}, (1ull << 63) - 1));
  });
}

// --- closed while it is used

TEST_P(File, close_ends_a_read_that_waits) {
  ASSERT_EQ(::mkfifo(path("empty").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo(path("full").c_str(), 0600), 0);
  for (const unsigned workers : {1u, 3u}) {
    run(workers, [&] {
      file f = file::open(path("empty"), O_RDWR).value();
      file full = file::open(path("full"), O_RDWR).value();
      std::vector<task<void>> readers;
      for (int i = 0; i < 4; ++i)
        readers.push_back(spawn([&] {
          char byte[1];
          EXPECT_EQ(f.read(bytes_of(byte)).error(), errc::closed);
          EXPECT_EQ(f.read(bytes_of(byte)).error(), errc::closed);
        }));
      readers.push_back(spawn([&] {
        const std::string much(1 << 20, 'm');
        result<std::size_t> wrote;
        while ((wrote = full.write(much))) {}
        EXPECT_EQ(wrote.error(), errc::closed);
      }));
      for (int i = 0; i < 20; ++i) this_fiber::yield();
      f.close();
      EXPECT_EQ(f.native_handle(), -1);
      full.close();
      for (auto& r : readers) r.join();
    });
  }
}

TEST_P(File, close_races_reads_and_syncs_on_all_workers) {
  make("f", std::string(1 << 20, 'f'));
  run(3, [&] {
    for (int round = 0; round < 100; ++round) {
      file f = file::open(path("f"), O_RDWR).value();
      std::vector<task<void>> users;
      for (int i = 0; i < 6; ++i)
        users.push_back(spawn([&f, i] {
          std::string part(5000, ' ');
          for (std::uint64_t k = 0;; ++k) {
            const result<void> r = i == 0   ? f.pwrite_all(part, k * 1000)
                                   : i == 1 ? f.truncate(1 << 20)
                                            : f.pread_exactly(bytes_of(part), k * 5000 % (1 << 19));
            if (!r) {
              EXPECT_EQ(r.error(), errc::closed);
              return;
            }
          }
        }));
      for (int i = 0; i < round % 11; ++i) this_fiber::yield();
      EXPECT_TRUE(f.close());
      EXPECT_TRUE(f.close());
      for (auto& u : users) u.join();
    }
  });
}

TEST_P(File, a_foreign_thread_reads_and_is_closed_upon) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  make("f", "from a file");
  run(1, [&] {
    file f = file::open(path("f")).value();
    file pipe = file::open(path("pipe"), O_RDWR).value();
    std::atomic<bool> reads{false};
    std::thread foreign{[&] {
      char part[32];
      EXPECT_EQ(f.pread(bytes_of(part), 5).value(), 6u);
      EXPECT_EQ(f.size().value(), 11u);
      reads = true;
      EXPECT_EQ(pipe.read(bytes_of(part)).error(), errc::closed);
    }};
    while (!reads) this_fiber::yield();
    pipe.close();
    foreign.join();
  });
}

TEST_P(File, a_default_one_a_moved_one_and_a_closed_one_fail_with_closed) {
  make("f", "abc");
  run(1, [&] {
    file none;
    char byte[1];
    EXPECT_EQ(none.read(bytes_of(byte)).error(), errc::closed);
    EXPECT_EQ(none.sync().error(), errc::closed);
    EXPECT_EQ(none.try_lock().error(), errc::closed);
    EXPECT_EQ(none.seek(0).error(), errc::closed);
    EXPECT_TRUE(none.close());
    none = file::open(path("f")).value();
    file other{std::move(none)};
    EXPECT_EQ(none.pread(bytes_of(byte), 0).error(), errc::closed);
    EXPECT_EQ(other.pread(bytes_of(byte), 1).value(), 1u);
    EXPECT_EQ(byte[0], 'b');
    file released{other.release()};
    EXPECT_EQ(released.pread(bytes_of(byte), 2).value(), 1u);
  });
}

// --- cancelled

TEST_P(File, a_stop_and_a_deadline_end_a_read_that_waits) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  run(1, [&] {
    file f = file::open(path("pipe"), O_RDWR).value();
    char part[4];
    EXPECT_EQ(f.read(bytes_of(part), deadline{2ms}).error(), errc::deadline_exceeded);
    auto reader = spawn([&] {
      char b[4];
      EXPECT_EQ(f.read(bytes_of(b)).error(), errc::canceled);
      EXPECT_EQ(f.sync().error(), errc::canceled);
      EXPECT_EQ(file::open(path("pipe"), O_RDWR).error(), errc::canceled);
    });
    this_fiber::yield();
    reader.request_stop();
    reader.join();
    EXPECT_EQ(f.write(std::string_view{"left"}).value(), 4u);  // nothing was taken
    EXPECT_EQ(f.read(bytes_of(part)).value(), 4u);
  });
}

// Whatever the moment, the reader has its bytes or the error, and nobody touches its buffer afterwards.
TEST_P(File, a_reader_that_is_stopped_between_submission_and_completion) {
  constexpr std::size_t size = 256 << 10;
  make("f", std::string(size, 'f'));
  run(2, [&] {
    file f = file::open(path("f"), O_RDWR).value();
    int stopped = 0, read = 0;
    for (int round = 0; round < 300; ++round) {
      (void)f.advise({}, POSIX_FADV_DONTNEED);
      auto reader = spawn(
          [&] {
            std::string buffer(size, ' ');
            const result<std::size_t> r = f.pread(bytes_of(buffer), 0);
            const auto filled = static_cast<std::size_t>(std::ranges::count(buffer, 'f'));
            buffer.assign(size, 'x');
            for (int i = 0; i < 3; ++i) this_fiber::yield();
            EXPECT_EQ(std::ranges::count(buffer, 'x'), std::ssize(buffer)) << "written to after the return";
            if (r) {
              EXPECT_EQ(filled, *r);
              ++read;
            } else {
              EXPECT_EQ(r.error(), errc::canceled);
              ++stopped;
            }
          },
          {.worker = 0u});
      for (int i = 0; i < round % 4; ++i) this_fiber::yield();
      reader.request_stop();
      reader.join();
    }
    EXPECT_EQ(stopped + read, 300);
  });
}

// --- the kernel's threads

std::size_t threads_named(std::string_view prefix) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/task"}) {
    std::string name;
    std::ifstream{entry.path() / "comm"} >> name;
    count += name.starts_with(prefix) ? 1u : 0u;
  }
  return count;
}

TEST_P(File, writes_of_many_fibers_take_few_threads) {
  run(1, [&] {
    file f = file::open(path("f"), fresh | O_DSYNC).value();
    std::vector<task<void>> writers;
    std::size_t most = 0;
    for (std::size_t i = 0; i < 256; ++i)
      writers.push_back(spawn([&, i] {
        EXPECT_TRUE(f.pwrite_all(std::string(4096, 'w'), i * 4096));
        const std::size_t of_pool = worker::current()->owner().offload().stats().threads;
        most = std::max(most, GetParam() == backend::uring ? threads_named("iou-wrk") : of_pool);
      }));
    for (auto& w : writers) w.join();
    EXPECT_GE(most, 1u);
    EXPECT_LE(most, GetParam() == backend::uring ? 4u : 64u);
  });
}

}  // namespace
}  // namespace weft::detail

// io::batch on both backends: one result for each, in order, whatever becomes of the others.
#include "file_fixture.hpp"

#include <algorithm>

#include <weft/io/aligned_buffer.hpp>
#include <weft/io/batch.hpp>
#include <weft/io/io.hpp>

namespace weft::detail {
namespace {

class Batch : public OnFiles {};
INSTANTIATE_TEST_SUITE_P(backends, Batch, testing::Values(backend::uring, backend::epoll), backend_name);

using io::batch;
using io::file;

constexpr int fresh = O_RDWR | O_CREAT | O_EXCL;

const poller_counters& counters() { return worker::current()->io().counters(); }

TEST_P(Batch, results_come_in_the_order_of_adding) {
  run(1, [&] {
    file f = file::open(path("f"), fresh).value();
    batch b;
    for (std::size_t i = 0; i < 100; ++i)
      EXPECT_EQ(b.write(f, std::string_view{"0123456789"}.substr(0, i % 10 + 1), i * 10), i);
    const auto wrote = b.wait_all();
    ASSERT_EQ(wrote.size(), 100u);
    for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(wrote[i].value(), i % 10 + 1);
    EXPECT_EQ(b.size(), 0u);

    std::string back(1000, ' ');
    for (std::size_t i = 0; i < 100; ++i) b.read(f, bytes_of(back).subspan(i * 10, i % 10 + 1), i * 10);
    for (const auto& r : b.wait_all()) EXPECT_TRUE(r);
    for (std::size_t i = 0; i < 100; ++i)
      EXPECT_EQ(back.substr(i * 10, i % 10 + 1), std::string("0123456789").substr(0, i % 10 + 1));
  });
}

TEST_P(Batch, one_that_fails_leaves_the_others_alone) {
  make("in", "0123456789");
  run(1, [&] {
    file in = file::open(path("in")).value(), closed;
    char a[4], c[4], d[20];
    char half[2], rest[10];
    const iovec vector[] = {{half, 2}, {rest, 10}};
    batch b;
    b.read(in, bytes_of(a), 0);
    b.write(in, std::string_view{"x"}, 0);
    b.read(closed, bytes_of(a), 0);
    b.read(-1, bytes_of(a), 0);
    b.read(in.native_handle(), bytes_of(c), 3);
    b.read(in, bytes_of(d), 5);
    b.readv(in, vector, 7);
    b.read(in, bytes_of(d), 50);
    const auto results = b.wait_all();
    ASSERT_EQ(results.size(), 8u);
    EXPECT_EQ(results[0].value(), 4u);
    EXPECT_EQ(results[1].error(), std::errc::bad_file_descriptor);
    EXPECT_EQ(results[2].error(), errc::closed);
    EXPECT_EQ(results[3].error(), std::errc::bad_file_descriptor);
    EXPECT_EQ(results[4].value(), 4u);
    EXPECT_EQ(results[5].value(), 5u);
    EXPECT_EQ(results[6].value(), 3u);
    EXPECT_EQ(results[7].value(), 0u);
    EXPECT_EQ(std::string_view(a, 4), "0123");
    EXPECT_EQ(std::string_view(c, 4), "3456");
    EXPECT_EQ(std::string_view(d, 5), "56789");
    EXPECT_EQ(std::string_view(half, 2), "78");
  });
}

TEST_P(Batch, an_empty_one_returns_at_once) {
  run(1, [&] {
    batch b;
    EXPECT_TRUE(b.wait_all().empty());
    EXPECT_TRUE(b.wait_all(deadline::past()).empty());
  });
}

// To a device that is done at once, so that every enter is one that submits: what threads of the kernel do
// for a disk may end, and wake the worker, one by one.
TEST_P(Batch, all_go_to_the_kernel_together) {
  constexpr std::size_t count = 32;
  run(1, [&] {
    file null = file::open("/dev/null", O_WRONLY).value();
    batch b;
    for (std::size_t i = 0; i < count; ++i) b.write(null, std::string_view{"all"}, 0);
    const poller_counters before = counters();
    for (const auto& r : b.wait_all()) EXPECT_EQ(r.value(), 3u);
    EXPECT_EQ(counters().submitted, before.submitted + count);
    EXPECT_LE(counters().enters, before.enters + 1);
  });
}

TEST_P(Batch, what_is_in_memory_is_not_submitted_at_all) {
  constexpr std::size_t count = 32, block = 4096;
  run(1, [&] {
    file f = file::open(path("f"), fresh).value();
    const std::string bytes(block, 'b');
    batch b;
    for (std::size_t i = 0; i < count; ++i) b.write(f, bytes, i * block);
    for (const auto& r : b.wait_all()) EXPECT_EQ(r.value(), block);
    EXPECT_EQ(f.size().value(), count * block);

    std::string back(count * block, ' ');
    for (std::size_t i = 0; i < count; ++i) b.read(f, bytes_of(back).subspan(i * block, block), i * block);
    const std::uint64_t submitted = counters().submitted;
    for (const auto& r : b.wait_all()) EXPECT_EQ(r.value(), block);
    EXPECT_EQ(counters().submitted, submitted);
    EXPECT_EQ(std::ranges::count(back, 'b'), std::ssize(back));
  });
}

TEST_P(Batch, more_than_the_ring_holds) {
  constexpr std::size_t count = 3000;
  run(1, [&] {
    file f = file::open(path("f"), fresh).value();
    batch b;
    for (std::size_t i = 0; i < count; ++i) b.write(f, std::string_view{"0123456789"}, i * 10);
    const auto results = b.wait_all();
    EXPECT_EQ(std::ranges::count_if(results, [](const auto& r) { return r && *r == 10; }),
              std::ssize(results));
    EXPECT_EQ(f.size().value(), count * 10);
  });
}

TEST_P(Batch, past_the_cache) {
  run(1, [&] {
    result<file> f = file::open(path("f"), fresh | O_DIRECT);
    if (!f) GTEST_SKIP() << "no O_DIRECT here: " << f.error().message();
    constexpr std::size_t count = 16, block = 4096;
    io::aligned_buffer out{count * block}, in{count * block};
    for (std::size_t i = 0; i < out.size(); ++i)
      out.bytes()[i] = static_cast<std::byte>(i / block * 3 + i % 7);
    batch b;
    for (std::size_t i = 0; i < count; ++i) b.write(*f, out.bytes().subspan(i * block, block), i * block);
    for (const auto& r : b.wait_all()) EXPECT_EQ(r.value(), block);
    const std::uint64_t before = counters().submitted;
    for (std::size_t i = 0; i < count; ++i) b.read(*f, in.bytes().subspan(i * block, block), i * block);
    for (const auto& r : b.wait_all()) EXPECT_EQ(r.value(), block);
    EXPECT_EQ(counters().submitted, before + count);
    EXPECT_TRUE(std::ranges::equal(in.bytes(), out.bytes()));
  });
}

TEST_P(Batch, a_full_disk_shows_in_the_results_that_met_it) {
  const int mounted = small_disk(64 << 10);
  if (mounted < 0) GTEST_SKIP() << "may not mount";
  const owned_fd disk{mounted};
  run(1, [&] {
    file f = file::open("f", fresh, {.directory = disk}).value();
    const std::string block(8192, 'd');
    batch b;
    for (std::size_t i = 0; i < 12; ++i) b.write(f, block, i * block.size());
    std::size_t written = 0, full = 0;
    for (const auto& r : b.wait_all()) {
      if (r) {
        written += *r;
      } else {
        EXPECT_EQ(r.error(), std::errc::no_space_on_device);
        ++full;
      }
    }
    EXPECT_EQ(written, 64u << 10);
    EXPECT_GE(full, 4u);
  });
}

// --- ended before they are done

// Those that end have their data already, so that they do so however late the worker comes to them: a read
// of a file may still wait for its thread when the deadline passes.
TEST_P(Batch, a_deadline_ends_those_that_wait_and_keeps_what_the_others_did) {
  ASSERT_EQ(::mkfifo(path("empty").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo(path("full").c_str(), 0600), 0);
  make("in", "0123456789");
  run(1, [&] {
    file in = file::open(path("in")).value();
    const file empty = file::open(path("empty"), O_RDWR).value(),
               full = file::open(path("full"), O_RDWR).value();
    ASSERT_EQ(io::write(full.native_handle(), std::string_view{"12345678"}).value(), 8u);
    char a[4], waits[4], c[4];
    batch b;
    b.read(in, bytes_of(a), 2);
    b.read(empty.native_handle(), bytes_of(waits), ~0ull);
    b.read(full.native_handle(), bytes_of(c), ~0ull);
    const deadline until{3ms};
    const auto results = b.wait_all(until);
    EXPECT_TRUE(until.expired());
    EXPECT_EQ(results[0], 4u);
    ASSERT_FALSE(results[1]);
    EXPECT_EQ(results[1].error(), errc::deadline_exceeded);
    EXPECT_EQ(results[2], 4u);
    EXPECT_EQ(std::string_view(c, 4), "1234");

    auto stopped = spawn([&] {
      b.read(empty.native_handle(), bytes_of(waits), ~0ull);
      b.read(full.native_handle(), bytes_of(c), ~0ull);
      const auto r = b.wait_all();
      ASSERT_FALSE(r[0]);
      EXPECT_EQ(r[0].error(), errc::canceled);
      EXPECT_EQ(r[1], 4u);
      EXPECT_EQ(std::string_view(c, 4), "5678");
    });
    this_fiber::yield();
    stopped.request_stop();
    stopped.join();
    EXPECT_EQ(io::write(empty.native_handle(), std::string_view{"left"}).value(), 4u);
    EXPECT_EQ(io::read(empty.native_handle(), bytes_of(waits)).value(), 4u);
  });
}

TEST_P(Batch, close_of_one_file_ends_its_part) {
  ASSERT_EQ(::mkfifo(path("one").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo(path("two").c_str(), 0600), 0);
  for (const unsigned workers : {1u, 3u}) {
    run(workers, [&] {
      file one = file::open(path("one"), O_RDWR).value(), two = file::open(path("two"), O_RDWR).value();
      auto waits = spawn([&] {
        char a[4], c[4];
        batch b;
        b.read(one, bytes_of(a), ~0ull);
        b.read(two, bytes_of(c), ~0ull);
        const auto results = b.wait_all();
        EXPECT_EQ(results[0].error(), errc::closed);
        EXPECT_EQ(results[1].value(), 3u);
      });
      for (int i = 0; i < 10; ++i) this_fiber::yield();
      // The number of `one` stays its own until the batch has returned.
      auto closer = spawn([&] { one.close(); });
      for (int i = 0; i < 10; ++i) this_fiber::yield();
      EXPECT_EQ(two.write(std::string_view{"two"}).value(), 3u);
      waits.join();
      closer.join();
    });
  }
}

TEST_P(Batch, a_foreign_thread_does_one_after_the_other) {
  make("in", "0123456789");
  run(1, [&] {
    file in = file::open(path("in"), O_RDWR).value();
    std::atomic<bool> ended{false};
    std::thread foreign{[&] {
      char a[4];
      batch b;
      b.read(in, bytes_of(a), 1);
      b.write(in, std::string_view{"ab"}, 8);
      b.read(in.native_handle(), bytes_of(a), 7);
      const auto results = b.wait_all();
      EXPECT_EQ(results[0].value(), 4u);
      EXPECT_EQ(results[1].value(), 2u);
      EXPECT_EQ(results[2].value(), 3u);
      EXPECT_EQ(std::string_view(a, 3), "7ab");
      ended = true;
    }};
    while (!ended) this_fiber::yield();
    foreign.join();
  });
}

}  // namespace
}  // namespace weft::detail

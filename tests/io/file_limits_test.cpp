// Files where something is short: descriptors, room on the disk, the ring itself. Each is an error where it
// is met, and what was done before is kept.
#include "file_fixture.hpp"
#include "refuse_io_uring.hpp"

#include <algorithm>
#include <thread>

#include <resource_limit.hpp>
#include <weft/io/batch.hpp>
#include <weft/io/filesystem.hpp>
#include <weft/io/mapping.hpp>
#include <weft/io/watcher.hpp>

namespace weft::detail {
namespace {

class FileLimits : public OnFiles {};
INSTANTIATE_TEST_SUITE_P(backends, FileLimits, testing::Values(backend::uring, backend::epoll), backend_name);

using io::batch;
using io::file;
using io::mapping;
using io::watcher;

TEST_P(FileLimits, of_64_descriptors_all_are_used_and_the_next_open_says_so) {
  make("f", "0123456789");
  run(2, [&] {
    const weft_test::resource_limit limit{RLIMIT_NOFILE, 64};
    std::vector<file> all;
    result<file> next = file::open(path("f"));
    while (next) {
      all.push_back(std::move(*next));
      next = file::open(path("f"));
    }
    EXPECT_EQ(next.error(), std::errc::too_many_files_open);
    ASSERT_GE(all.size(), 8u);
    EXPECT_LT(all.size(), 64u);
    for (const auto& refused :
         {file::temporary(path("")).error(), watcher::open().error(), io::list_directory(path("")).error(),
          io::create_temporary_file(path("t")).error()})
      EXPECT_EQ(refused, std::errc::too_many_files_open);

    // What needs none goes on: waiting, reading all at once, names, mappings.
    (void)this_fiber::sleep_for(1ms);
    std::string bytes(all.size(), ' ');
    batch b;
    for (std::size_t i = 0; i < all.size(); ++i) b.read(all[i], bytes_of(bytes).subspan(i, 1), i % 10);
    for (const auto& r : b.wait_all()) EXPECT_TRUE(r);
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(bytes[i], static_cast<char>('0' + i % 10));
    EXPECT_EQ(io::stat(path("f")).value().stx_size, 10u);
    EXPECT_EQ(mapping::map(all.front()).value().size(), 10u);

    all.pop_back();
    EXPECT_TRUE(file::open(path("f")));
  });
}

TEST_P(FileLimits, a_full_disk_is_an_error_of_load_and_no_signal) {
  const int mounted = small_disk(64 << 10);
  if (mounted < 0) GTEST_SKIP() << "may not mount";
  const owned_fd disk{mounted};
  run(1, [&] {
    file f = file::open("f", O_RDWR | O_CREAT, {.directory = disk}).value();
    ASSERT_TRUE(f.truncate(256 << 10));  // takes no room yet
    mapping m = mapping::map(f, {}, io::mapping_access::write).value();
    const result<void> loaded = m.load();
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error(), std::errc::bad_address);
    const result<void> allocated = f.allocate({0, 256 << 10});
    ASSERT_FALSE(allocated);
    EXPECT_EQ(allocated.error(), std::errc::no_space_on_device);
    ASSERT_TRUE(m.load({0, 16 << 10}));
    std::ranges::fill(m.writable_bytes().first(16 << 10), std::byte{'m'});
    EXPECT_TRUE(m.sync({0, 16 << 10}));
    char last[1];
    EXPECT_TRUE(f.pread_exactly(bytes_of(last), (16 << 10) - 1));
    EXPECT_EQ(last[0], 'm');
  });
}

TEST(FilesWithoutIoUring, do_all_the_same) {
  unsetenv("WEFT_BACKEND");
  for (const int refusal : {EPERM, ENOSYS}) {
    std::thread{[refusal] {  // the refusal ends with this thread
      ASSERT_TRUE(refuse_io_uring(refusal));
      runtime{}.run([] {
        EXPECT_STREQ(worker::current()->io().name(), "epoll");
        file f = file::temporary().value();
        batch b;
        b.write(f, std::string_view{"01234"}, 0);
        b.write(f, std::string_view{"56789"}, 5);
        for (const auto& r : b.wait_all()) EXPECT_EQ(r.value(), 5u);
        char all[10];
        EXPECT_TRUE(f.pread_exactly(bytes_of(all), 0));
        EXPECT_EQ(std::string_view(all, 10), "0123456789");
        EXPECT_TRUE(f.sync());
      });
    }}
        .join();
  }
}

}  // namespace
}  // namespace weft::detail

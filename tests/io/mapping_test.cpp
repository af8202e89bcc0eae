// io::mapping on both backends.
#include "file_fixture.hpp"

#include <algorithm>

#include <sys/mman.h>

#include <weft/io/mapping.hpp>

namespace weft::detail {
namespace {

class Mapping : public OnFiles {};
INSTANTIATE_TEST_SUITE_P(backends, Mapping, testing::Values(backend::uring, backend::epoll), backend_name);

using io::file;
using io::mapping;
using io::mapping_access;

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string numbered(std::size_t size) {
  std::string all(size, ' ');
  for (std::size_t i = 0; i < size; ++i) all[i] = static_cast<char>('a' + i / 1000 % 26);
  return all;
}

TEST_P(Mapping, shows_the_file_and_outlives_it) {
  const std::string all = numbered(100'000);
  make("f", all);
  run(1, [&] {
    mapping whole, part;
    {
      file f = file::open(path("f")).value();
      whole = mapping::map(f).value();
      part = mapping::map(f, {5000, 2000}).value();  // no page begins there
    }
    EXPECT_TRUE(whole.load());
    EXPECT_EQ(text_of(whole.bytes()), all);
    EXPECT_TRUE(part.load({100, 50}));
    EXPECT_EQ(text_of(part.bytes()), std::string_view(all).substr(5000, 2000));
    EXPECT_TRUE(part.advise(MADV_SEQUENTIAL));
    EXPECT_EQ(part.size(), 2000u);
  });
}

TEST_P(Mapping, what_is_written_reaches_the_file) {
  make("f", std::string(10'000, '.'));
  run(1, [&] {
    file f = file::open(path("f"), O_RDWR).value();
    mapping shared = mapping::map(f, {4000, 1000}, mapping_access::write).value();
    mapping own = mapping::map(f, {}, mapping_access::copy).value();
    EXPECT_TRUE(shared.load());
    EXPECT_TRUE(own.load());
    std::ranges::fill(shared.writable_bytes(), std::byte{'s'});
    std::ranges::fill(own.writable_bytes(), std::byte{'o'});
    EXPECT_TRUE(shared.sync({10, 20}));
    EXPECT_TRUE(shared.sync());
  });
  EXPECT_EQ(content("f"), std::string(4000, '.') + std::string(1000, 's') + std::string(5000, '.'));
}

TEST_P(Mapping, what_cannot_be_mapped_is_an_error) {
  make("f", "x");
  make("empty");
  run(1, [&] {
    file f = file::open(path("f")).value();
    EXPECT_EQ(mapping::map(f, {}, mapping_access::write).error(), std::errc::permission_denied);
    EXPECT_EQ(mapping::map(f, {1, 0}).value().size(), 0u);
    file empty = file::open(path("empty")).value();
    mapping nothing = mapping::map(empty).value();
    EXPECT_TRUE(nothing.bytes().empty());
    EXPECT_TRUE(nothing.load());
    EXPECT_TRUE(nothing.sync());
    f.close();
    EXPECT_EQ(mapping::map(f, {0, 1}).error(), errc::closed);
  });
}

TEST_P(Mapping, a_file_that_was_cut_shorter_is_an_error_of_load) {
  make("f", std::string(64 << 10, 'x'));
  run(1, [&] {
    file f = file::open(path("f"), O_RDWR).value();
    mapping m = mapping::map(f).value();
    EXPECT_TRUE(f.truncate(4096));
    EXPECT_TRUE(m.load({0, 4096}));
    EXPECT_EQ(m.load().error(), std::errc::bad_address);
  });
}

}  // namespace
}  // namespace weft::detail

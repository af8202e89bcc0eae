// What is done to names, on both backends.
#include "file_fixture.hpp"

#include <algorithm>

#include <weft/io/filesystem.hpp>

namespace weft::detail {
namespace {

class Filesystem : public OnFiles {};
INSTANTIATE_TEST_SUITE_P(backends, Filesystem, testing::Values(backend::uring, backend::epoll), backend_name);

using io::file_kind;

TEST_P(Filesystem, a_directory_is_created_listed_and_removed) {
  run(1, [&] {
    ASSERT_TRUE(io::create_directory(path("d")));
    EXPECT_EQ(io::create_directory(path("d")).error(), std::errc::file_exists);
    EXPECT_TRUE(io::create_directories(path("d/e/f/g")));
    EXPECT_TRUE(io::create_directories(path("d/e/f/g")));
    make("d/file", "x");
    ASSERT_EQ(::symlink("file", path("d/link").c_str()), 0);
    ASSERT_EQ(::mkfifo(path("d/pipe").c_str(), 0600), 0);

    auto found = io::list_directory(path("d")).value();
    std::ranges::sort(found, {}, &io::directory_entry::name);
    ASSERT_EQ(found.size(), 4u);
    EXPECT_EQ(found[0].name, "e");
    EXPECT_EQ(found[0].kind, file_kind::directory);
    EXPECT_EQ(found[1].kind, file_kind::regular);
    EXPECT_EQ(found[1].inode, io::stat(path("d/file")).value().stx_ino);
    EXPECT_EQ(found[2].kind, file_kind::link);
    EXPECT_EQ(found[3].kind, file_kind::pipe);

    EXPECT_EQ(io::remove_directory(path("d")).error(), std::errc::directory_not_empty);
    EXPECT_EQ(io::remove_all(path("d")).value(), 7u);
    EXPECT_EQ(io::remove_all(path("d")).value(), 0u);
    EXPECT_EQ(io::list_directory(path("d")).error(), std::errc::no_such_file_or_directory);
    EXPECT_TRUE(io::create_directory(path("d")));
    EXPECT_TRUE(io::list_directory(path("d")).value().empty());
    EXPECT_TRUE(io::remove_directory(path("d")));
  });
}

TEST_P(Filesystem, more_names_than_one_call_gives_are_all_there) {
  for (int i = 0; i < 2'500; ++i) make(std::to_string(i));
  run(1, [&] {
    auto found = io::list_directory(path("")).value();
    EXPECT_EQ(found.size(), 2'500u);
    std::ranges::sort(found, {}, &io::directory_entry::name);
    EXPECT_TRUE(std::ranges::unique(found, {}, &io::directory_entry::name).empty());
    for (const std::size_t at_most : {0u, 1u, 2'499u, 2'500u, 2'501u})
      EXPECT_EQ(io::list_directory(path(""), {}, at_most).value().size(),
                std::min<std::size_t>(at_most, 2'500));
  });
}

TEST_P(Filesystem, rename_replaces_or_refuses_or_exchanges) {
  make("a", "from a");
  make("b", "from b");
  run(1, [&] {
    EXPECT_EQ(io::rename(path("a"), path("b"), RENAME_NOREPLACE).error(), std::errc::file_exists);
    EXPECT_TRUE(io::rename(path("a"), path("b"), RENAME_EXCHANGE));
    EXPECT_EQ(content("a"), "from b");
    EXPECT_TRUE(io::rename(path("a"), path("b")));
    EXPECT_EQ(content("b"), "from b");
    EXPECT_EQ(io::rename(path("a"), path("b")).error(), std::errc::no_such_file_or_directory);
  });
}

TEST_P(Filesystem, an_unlinked_file_lives_on_in_its_descriptor) {
  make("a", "still here");
  run(1, [&] {
    io::file f = io::file::open(path("a")).value();
    EXPECT_TRUE(io::unlink(path("a")));
    EXPECT_EQ(io::unlink(path("a")).error(), std::errc::no_such_file_or_directory);
    EXPECT_EQ(f.size().value(), 10u);
    EXPECT_EQ(f.stat().value().stx_nlink, 0u);
  });
}

TEST_P(Filesystem, stat_follows_links_unless_told_otherwise) {
  make("a", "123");
  ASSERT_EQ(::symlink("a", path("link").c_str()), 0);
  run(1, [&] {
    EXPECT_EQ(io::stat(path("link")).value().stx_size, 3u);
    EXPECT_TRUE(S_ISLNK(io::stat(path("link"), {}, AT_SYMLINK_NOFOLLOW).value().stx_mode));
    EXPECT_EQ(io::stat(path("absent")).error(), std::errc::no_such_file_or_directory);
    EXPECT_EQ(io::stat(std::string_view{"a\0b", 3}).error(), std::errc::invalid_argument);
  });
}

TEST_P(Filesystem, temporary_names_are_new_and_private) {
  run(1, [&] {
    io::named_file one = io::create_temporary_file(path("t-")).value();
    const io::named_file two = io::create_temporary_file(path("t-")).value();
    EXPECT_NE(one.path, two.path);
    EXPECT_TRUE(one.opened.write_all(std::string_view{"x"}));
    EXPECT_EQ(io::stat(one.path).value().stx_mode & 0777, 0600u);
    const std::string folder = io::create_temporary_directory(path("t-")).value();
    EXPECT_TRUE(S_ISDIR(io::stat(folder).value().stx_mode));
    EXPECT_EQ(io::list_directory(path("")).value().size(), 3u);
    EXPECT_FALSE(io::create_temporary_file(path("absent/t-")));
  });
}

TEST_P(Filesystem, who_was_asked_to_stop_does_nothing) {
  run(1, [&] {
    auto stopped = spawn([&] {
      while (!this_fiber::stop_requested()) this_fiber::yield();
      EXPECT_EQ(io::create_directory(path("d")).error(), errc::canceled);
    });
    stopped.request_stop();
    stopped.join();
    EXPECT_EQ(io::create_directory(path("d"), 0777, deadline::past()).error(), errc::deadline_exceeded);
    EXPECT_EQ(io::stat(path("d")).error(), std::errc::no_such_file_or_directory);
  });
}

}  // namespace
}  // namespace weft::detail

// io::watcher on both backends: every change is told, a directory that goes says so, and nobody waits for
// what cannot come.
#include "file_fixture.hpp"

#include <weft/io/filesystem.hpp>
#include <weft/io/watcher.hpp>

namespace weft::detail {
namespace {

class Watcher : public OnFiles {};
INSTANTIATE_TEST_SUITE_P(backends, Watcher, testing::Values(backend::uring, backend::epoll), backend_name);

using io::watch_event;
using io::watcher;

void expect(watcher& w, int watch, std::uint32_t mask, std::string_view name = {}) {
  const result<watch_event> e = w.next(deadline{5s});
  ASSERT_TRUE(e) << e.error().message();
  EXPECT_EQ(e->watch, watch);
  EXPECT_TRUE(e->is(mask)) << std::hex << e->mask << " for " << mask;
  EXPECT_EQ(e->name, name);
}

TEST_P(Watcher, changes_are_told_in_their_order) {
  run(1, [&] {
    watcher w = watcher::open().value();
    const int folder = w.add(path("")).value();
    EXPECT_EQ(w.add(path("")).value(), folder);
    auto changes = spawn([&] {
      make("a", "x");
      std::filesystem::rename(path("a"), path("a longer name"));
      std::filesystem::remove(path("a longer name"));
    });
    expect(w, folder, IN_CREATE, "a");
    expect(w, folder, IN_CLOSE_WRITE, "a");
    const watch_event from = w.next(deadline{5s}).value(), to = w.next(deadline{5s}).value();
    EXPECT_TRUE(from.is(IN_MOVED_FROM) && to.is(IN_MOVED_TO));
    EXPECT_EQ(from.cookie, to.cookie);
    EXPECT_EQ(to.name, "a longer name");
    expect(w, folder, IN_DELETE, "a longer name");
    EXPECT_EQ(w.next(deadline{2ms}).error(), errc::deadline_exceeded);
    changes.join();
  });
}

TEST_P(Watcher, a_directory_removed_while_watched_is_told_and_then_it_ends) {
  std::filesystem::create_directory(path("d"));
  make("d/f");
  run(2, [&] {
    watcher w = watcher::open().value();
    const int folder = w.add(path("d")).value();
    auto removes = spawn([&] {
      (void)this_fiber::sleep_for(1ms);
      EXPECT_EQ(io::remove_all(path("d")).value(), 2u);
    });
    expect(w, folder, IN_DELETE, "f");
    expect(w, folder, IN_DELETE_SELF);
    expect(w, folder, IN_IGNORED);
    EXPECT_EQ(w.next().error(), errc::end_of_stream);
    EXPECT_EQ(w.next().error(), errc::end_of_stream);
    const result<void> again_removed = w.remove(folder);
    ASSERT_FALSE(again_removed);
    EXPECT_EQ(again_removed.error(), std::errc::invalid_argument);
    removes.join();
    // It can begin again.
    std::filesystem::create_directory(path("d"));
    const int again = w.add(path("d")).value();
    EXPECT_NE(again, folder);
    make("d/g");
    expect(w, again, IN_CREATE, "g");
  });
}

// The number of the descriptor of the only watcher there is.
int descriptor_of_the_watcher() {
  for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry.path(), gone) == "anon_inode:inotify")
      return std::stoi(entry.path().filename());
  }
  return -1;
}

// For a moment after IN_IGNORED the kernel still takes the number. Another queue that knows it, under the
// same descriptor, stands for a kernel that is slow to forget it.
TEST_P(Watcher, a_watch_that_has_told_its_end_is_not_removed_again) {
  std::filesystem::create_directory(path("d"));
  run(1, [&] {
    watcher w = watcher::open().value();
    const int folder = w.add(path("d"), IN_DELETE_SELF).value();
    const int of_watcher = descriptor_of_the_watcher();
    std::filesystem::remove(path("d"));
    expect(w, folder, IN_DELETE_SELF);  // IN_IGNORED has been read with it
    const owned_fd slow{::inotify_init1(IN_CLOEXEC)};
    ASSERT_EQ(::inotify_add_watch(slow, path("").c_str(), IN_CREATE), folder);
    ASSERT_EQ(::dup3(slow, of_watcher, O_CLOEXEC), of_watcher);
    expect(w, folder, IN_IGNORED);
    const result<void> removed = w.remove(folder);
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error(), std::errc::invalid_argument);
  });
}

TEST_P(Watcher, a_directory_with_an_open_file_is_told_by_the_one_above_it_at_once) {
  std::filesystem::create_directory(path("d"));
  run(1, [&] {
    watcher w = watcher::open().value();
    const int above = w.add(path(""), IN_DELETE).value();
    const int folder = w.add(path("d"), IN_DELETE_SELF).value();
    io::file open = io::file::open(path("d/f"), O_RDWR | O_CREAT).value();
    EXPECT_EQ(io::remove_all(path("d")).value(), 2u);
    expect(w, above, IN_DELETE, "d");
    EXPECT_EQ(w.next(deadline{2ms}).error(), errc::deadline_exceeded);  // its inode is still there
    EXPECT_TRUE(open.write_all(std::string_view{"and so is the file"}));
    EXPECT_TRUE(open.close());
    expect(w, folder, IN_DELETE_SELF);
    expect(w, folder, IN_IGNORED);
  });
}

TEST_P(Watcher, a_watch_that_is_removed_ends_after_what_came_before) {
  run(1, [&] {
    watcher w = watcher::open().value();
    EXPECT_EQ(w.next().error(), errc::end_of_stream);
    const int folder = w.add(path(""), IN_CREATE).value();
    make("f");
    EXPECT_TRUE(w.remove(folder));
    expect(w, folder, IN_CREATE, "f");
    expect(w, folder, IN_IGNORED);
    EXPECT_EQ(w.next().error(), errc::end_of_stream);
    EXPECT_EQ(w.add(path("absent")).error(), std::errc::no_such_file_or_directory);
  });
}

TEST_P(Watcher, more_than_the_queue_holds_is_told) {
  std::size_t room = 0;
  std::ifstream{"/proc/sys/fs/inotify/max_queued_events"} >> room;
  if (room > 100'000) GTEST_SKIP() << "the queue is too long to be filled here";
  make("a");
  run(1, [&] {
    watcher w = watcher::open().value();
    const int a = w.add(path("a"), IN_OPEN | IN_CLOSE).value();
    for (std::size_t i = 0; i < room; ++i) ::close(::open(path("a").c_str(), O_RDONLY | O_CLOEXEC));
    std::size_t told = 0;
    watch_event last;
    while (!(last = w.next(deadline{5s}).value()).is(IN_Q_OVERFLOW)) ++told;
    EXPECT_EQ(last.watch, -1);
    EXPECT_EQ(told, room);
    EXPECT_TRUE(w.remove(a));
  });
}

TEST_P(Watcher, close_a_stop_and_a_deadline_end_the_wait) {
  for (const unsigned workers : {1u, 3u}) {
    run(workers, [&] {
      watcher w = watcher::open().value();
      const int folder = w.add(path("")).value();
      auto stopped = spawn([&] { EXPECT_EQ(w.next().error(), errc::canceled); });
      this_fiber::yield();
      stopped.request_stop();
      stopped.join();
      EXPECT_EQ(w.next(deadline::past()).error(), errc::deadline_exceeded);
      make("f" + std::to_string(workers));
      expect(w, folder, IN_CREATE, "f" + std::to_string(workers));
      expect(w, folder, IN_CLOSE_WRITE, "f" + std::to_string(workers));
      auto waits = spawn([&] { EXPECT_EQ(w.next().error(), errc::closed); });
      for (int i = 0; i < 10; ++i) this_fiber::yield();
      w.close();
      waits.join();
      EXPECT_EQ(w.next().error(), errc::closed);
      EXPECT_EQ(w.add(path("")).error(), errc::closed);
      w.close();
    });
  }
}

TEST_P(Watcher, moves) {
  run(1, [&] {
    watcher w = watcher::open().value();
    const int folder = w.add(path(""), IN_CREATE).value();
    watcher other{std::move(w)};
    make("f");
    expect(other, folder, IN_CREATE, "f");
    EXPECT_EQ(w.next().error(), errc::closed);
    w = std::move(other);
    EXPECT_EQ(w.next(deadline{1ms}).error(), errc::deadline_exceeded);
  });
}

}  // namespace
}  // namespace weft::detail

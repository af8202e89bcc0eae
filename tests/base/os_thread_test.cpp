// os_thread: what a thread of weft is born with, and that none outlives its owner.
#include <weft/runtime/base/os_thread.hpp>

#include <csignal>
#include <memory>
#include <string>

#include <pthread.h>

#include <gtest/gtest.h>

#include <weft/runtime/base/atomic.hpp>

namespace {

using weft::detail::atomic;
using weft::detail::os_thread;

TEST(OsThread, runs_its_body_before_join_returns) {
  int ran = 0;
  auto thread = os_thread::start("test", [&] { ++ran; });
  ASSERT_TRUE(thread);
  EXPECT_TRUE(thread->joinable());
  thread->join();
  EXPECT_EQ(ran, 1);
  EXPECT_FALSE(thread->joinable());
  thread->join();  // no effect
}

TEST(OsThread, is_joined_when_its_owner_goes) {
  int ran = 0;
  {
    ASSERT_TRUE(os_thread::start("test", [&] { ++ran; }));
  }
  EXPECT_EQ(ran, 1);
}

TEST(OsThread, is_joined_when_its_owner_gets_another) {
  int first = 0, second = 0;
  os_thread thread = *os_thread::start("first", [&] { ++first; });
  thread = *os_thread::start("second", [&] { ++second; });
  EXPECT_EQ(first, 1);
  const os_thread moved = std::move(thread);
  EXPECT_FALSE(thread.joinable());  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_TRUE(moved.joinable());
}

TEST(OsThread, drops_what_its_body_holds) {
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = held;
  os_thread thread = *os_thread::start("test", [held = std::move(held)] { EXPECT_EQ(*held, 1); });
  thread.join();
  EXPECT_TRUE(watch.expired());
}

TEST(OsThread, has_fifteen_characters_of_its_name) {
  char name[16] = {};
  os_thread{
      *os_thread::start("a-name-that-is-too-long", [&] { pthread_getname_np(pthread_self(), name, 16); })};
  EXPECT_STREQ(name, "a-name-that-is-");
}

TEST(OsThread, has_eight_mebibytes_of_stack) {
  std::size_t size = 0;
  os_thread{*os_thread::start("test", [&] {
    pthread_attr_t attributes;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstacksize(&attributes, &size);
    pthread_attr_destroy(&attributes);
  })};
  EXPECT_EQ(size, std::size_t{8} << 20);
}

TEST(OsThread, takes_faults_and_no_other_signal) {
  sigset_t theirs, ours;
  sigemptyset(&theirs);
  os_thread{*os_thread::start("test", [&] { pthread_sigmask(SIG_BLOCK, nullptr, &theirs); })};
  for (const int asynchronous :
       {SIGHUP, SIGINT, SIGQUIT, SIGALRM, SIGTERM, SIGCHLD, SIGURG, SIGUSR1, SIGPIPE, SIGRTMIN})
    EXPECT_EQ(sigismember(&theirs, asynchronous), 1) << asynchronous;
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
    EXPECT_EQ(sigismember(&theirs, fault), 0) << fault;
  pthread_sigmask(SIG_BLOCK, nullptr, &ours);
  EXPECT_EQ(sigismember(&ours, SIGTERM), 0) << "the mask of who starts it is as before";
}

TEST(OsThreadDeathTest, may_not_join_itself) {
  const auto join_itself = [] {
    atomic<os_thread*> known{nullptr};
    os_thread thread = *os_thread::start("test", [&] {
      while (known.load() == nullptr) weft::detail::spin_pause();
      known.load()->join();
    });
    known.store(&thread);
    for (;;) weft::detail::spin_pause();
  };
  EXPECT_DEATH(join_itself(), "a thread joined itself");
}

}  // namespace

// Which backend is chosen, and what the probe says about it.
#include "poller_fixture.hpp"
#include "refuse_io_uring.hpp"

#include <sys/resource.h>
#include <sys/wait.h>

#include <weft/io/probe.hpp>

namespace weft::detail {
namespace {

class MakePoller : public testing::Test {
 protected:
  void SetUp() override { unsetenv("WEFT_BACKEND"); }
  void TearDown() override { unsetenv("WEFT_BACKEND"); }
};

std::string name_of(const result<std::unique_ptr<poller>>& made) { return made ? (*made)->name() : "none"; }

/// Runs `f` in a child process and returns whether it was true there.
template <class F>
bool in_child(F f) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(f() ? 0 : 1);
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(MakePoller, automatic_is_the_ring_where_the_probe_says_that_it_works) {
  const io_support found = probe_io();
  EXPECT_EQ(name_of(make_poller({})), found.chosen);
  EXPECT_STREQ(found.chosen, found.ring_works() ? "io_uring" : "epoll");
}

TEST_F(MakePoller, the_option_chooses) {
  EXPECT_EQ(name_of(make_poller({.backend = backend::epoll})), "epoll");
}

TEST_F(MakePoller, the_environment_overrides_the_option) {
  setenv("WEFT_BACKEND", "epoll", 1);
  EXPECT_EQ(name_of(make_poller({.backend = backend::uring})), "epoll");
  setenv("WEFT_BACKEND", "", 1);
  EXPECT_EQ(name_of(make_poller({.backend = backend::epoll})), "epoll");
  setenv("WEFT_BACKEND", "kqueue", 1);
  EXPECT_EQ(make_poller({}).error(), errc::unsupported);
}

TEST_F(MakePoller, where_io_uring_is_refused_automatic_is_epoll_and_the_probe_says_why) {
  for (const int refusal : {EPERM, ENOSYS}) {
    EXPECT_TRUE(in_child([refusal] {
      if (!refuse_io_uring(refusal)) return false;
      const io_support found = probe_io();
      const auto forced = make_poller({.backend = backend::uring});
      return name_of(make_poller({})) == "epoll" && !forced && forced.error().value() == refusal &&
             found.ring_error == refusal && std::string_view{found.chosen} == "epoll" &&
             std::string_view{found.ring_reason}.size() > 10;
    })) << refusal;
  }
}

TEST_F(MakePoller, a_short_memlock_limit_makes_the_ring_smaller_before_it_refuses_it) {
  const bool good = in_child([] {
    const rlimit short_of_memory{96 << 10, 96 << 10};
    if (::setrlimit(RLIMIT_MEMLOCK, &short_of_memory) != 0 || ::setuid(65534) != 0) return false;
    const io_support found = probe_io();
    // Before Linux 6.14 rings do not count against the limit.
    if (found.ring_works()) return found.ring_depth >= 64 && found.ring_depth <= 512;
    return found.ring_error == ENOMEM && name_of(make_poller({})) == "epoll";
  });
  EXPECT_TRUE(good || ::geteuid() != 0);
}

TEST_F(MakePoller, the_probe_leaves_no_descriptor_behind) {
  probe_io();
  const std::size_t before = open_descriptors();
  const io_support found = probe_io();
  EXPECT_EQ(open_descriptors(), before);
  for (const io_trial& trial : found.setup_flags)
    EXPECT_TRUE(!found.ring_works() || trial.works()) << trial.name;
  for (const io_trial& trial : found.operations)
    EXPECT_TRUE(!found.ring_works() || trial.works()) << trial.name;
}

}  // namespace
}  // namespace weft::detail

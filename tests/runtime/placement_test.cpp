// Workers run where they are to, or the error sink hears why not; and their stacks lie where they run.
#include <weft/runtime/placement.hpp>

#include <cerrno>
#include <cstddef>
#include <iterator>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <leak_check.hpp>
#include <reports.hpp>
#include <weft/runtime/cpus.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/scheduler.hpp>

namespace weft {
namespace {

using detail::allowed_cpus;
using detail::numa_topology;
using detail::placement;
using weft_test::reports;

class Placement : public weft_test::leak_check {
 protected:
  Placement() { reports::clear(); }
};

/// The CPUs that each worker of `rt` may run on, and the one on which it does.
struct whereabouts {
  std::vector<unsigned> allowed;
  int now = -1;
};
std::vector<whereabouts> workers_of(runtime& rt) {
  return rt.block_on([&] {
    std::vector<whereabouts> all;
    for (unsigned w = 0; w < rt.workers(); ++w)
      all.push_back(spawn([] { return whereabouts{allowed_cpus(), sched_getcpu()}; }, {.worker = w}).join());
    return all;
  });
}

/// From now on this system call fails with `error` on this thread, and on those that it starts; 0: it does
/// nothing, and says that it has done it.
void refuse(unsigned call, unsigned error) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

/// What a runtime with these options reports, opened on a thread for which `prepare` was called.
template <class F>
std::vector<std::string> reports_of(options o, F prepare) {
  o.error_sink = reports::sink;
  std::thread{[&] {
    prepare();
    const runtime rt{o};
  }}.join();
  return reports::take();
}

// --- pinning

TEST_F(Placement, each_pinned_worker_has_a_cpu_of_its_own) {
  const std::vector<unsigned> cpus = allowed_cpus();
  runtime rt{{.workers = static_cast<unsigned>(cpus.size()), .pin = true, .error_sink = reports::sink}};
  const std::vector<whereabouts> all = workers_of(rt);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].allowed, std::vector{cpus[i]});
    EXPECT_EQ(all[i].now, static_cast<int>(cpus[i]));
  }
  EXPECT_EQ(reports::with(reports::take(), "pinned"), 0u);
}

TEST_F(Placement, workers_that_are_not_pinned_may_run_anywhere) {
  runtime rt{{.workers = 2}};
  for (const whereabouts& one : workers_of(rt)) EXPECT_EQ(one.allowed, allowed_cpus());
}

// Of a cpuset, or taskset(1): CPUs that the process may not use are not asked for.
TEST_F(Placement, pinning_keeps_to_the_cpus_of_the_process) {
  const unsigned last = allowed_cpus().back();
  std::thread{[last] {
    ASSERT_FALSE(detail::bind_to_cpus({&last, 1}));
    runtime rt{{.pin = true, .error_sink = reports::sink}};
    EXPECT_EQ(rt.workers(), 1u);
    EXPECT_EQ(workers_of(rt).front().allowed, std::vector{last});
  }}.join();
  EXPECT_EQ(reports::with(reports::take(), "pinned"), 0u);
}

TEST_F(Placement, workers_that_share_a_cpu_are_reported) {
  const auto cpus = static_cast<unsigned>(allowed_cpus().size());
  const auto heard = reports_of({.workers = cpus + 1, .pin = true}, [] {});
  EXPECT_EQ(reports::with(heard, std::to_string(cpus + 1) + " workers are pinned to " + std::to_string(cpus)),
            1u);
}

TEST_F(Placement, a_pin_that_is_refused_is_reported_once_with_the_remedy) {
  const auto heard = reports_of({.workers = 4, .pin = true}, [] { refuse(SYS_sched_setaffinity, EPERM); });
  EXPECT_EQ(reports::with(heard, "could not be pinned to CPUs: "), 1u);
  EXPECT_EQ(reports::with(heard, "seccomp"), 1u);
  EXPECT_EQ(reports::with(heard, "options.pin = false"), 1u);
}

TEST_F(Placement, a_kernel_that_agrees_and_does_nothing_is_found_out) {
  if (allowed_cpus().size() < 2) GTEST_SKIP() << "with one CPU every thread is where it is to be";
  const auto heard = reports_of({.workers = 2, .pin = true}, [] { refuse(SYS_sched_setaffinity, 0); });
  EXPECT_EQ(reports::with(heard, "as sandboxes do"), 1u);
}

TEST_F(Placement, cpus_that_have_gone_are_reported) {
  const unsigned gone = CPU_SETSIZE - 1;
  const std::error_code error = detail::bind_to_cpus({&gone, 1});
  ASSERT_EQ(error, std::errc::invalid_argument);
  const placement p{{.pin = true}, 1, {}};
  EXPECT_NE(p.report_of(error).find("Cpus_allowed_list"), std::string::npos);
}

// --- nodes

TEST_F(Placement, numa_aware_on_one_node_says_so_once) {
  if (numa_nodes() != 1) GTEST_SKIP() << "there are several";
  EXPECT_EQ(reports::with(reports_of({.memory = memory_strategy::numa_aware}, [] {}), "one NUMA node"), 1u);
  EXPECT_TRUE(reports_of({.memory = memory_strategy::adaptive}, [] {}).empty());
  EXPECT_TRUE(reports_of({.memory = memory_strategy::pooled}, [] {}).empty());
}

TEST_F(Placement, workers_are_given_to_nodes_by_their_cpus) {
  const std::vector<unsigned> cpus = allowed_cpus();
  if (cpus.size() < 2) GTEST_SKIP() << "two CPUs are needed";
  const numa_topology two{{{5, {cpus[1]}}, {7, {cpus[0]}}}};
  const placement p{{.memory = memory_strategy::numa_aware}, 2, two};
  ASSERT_EQ(p.nodes(), 2u);
  EXPECT_EQ(p.memory_of(p.node_of(0)), 7u);
  EXPECT_EQ(p.memory_of(p.node_of(1)), 5u);
  const placement one_worker{{.memory = memory_strategy::numa_aware}, 1, two};
  EXPECT_EQ(one_worker.nodes(), 1u);  // a node without a worker needs no stacks
  EXPECT_EQ(one_worker.memory_of(0), 7u);
}

// A machine with two nodes, made of the one that there is: each worker runs on its half of the CPUs, and has
// stacks of its own, which lie on its node.
TEST_F(Placement, each_node_has_its_own_workers_and_stacks) {
  const std::vector<unsigned> cpus = allowed_cpus();
  if (cpus.size() < 2) GTEST_SKIP() << "two CPUs are needed";
  const unsigned real = numa_topology::read().nodes.front().id;
  const numa_topology two{{{real, {cpus[0]}}, {real, {cpus[1]}}}};
  auto opened = detail::scheduler::open(
      {.workers = 2, .memory = memory_strategy::numa_aware, .error_sink = reports::sink}, two);
  ASSERT_TRUE(opened) << opened.error().message();
  detail::scheduler& s = **opened;
  ASSERT_EQ(s.stack_depots(), 2u);
  EXPECT_NE(&s.stacks_of(0), &s.stacks_of(1));
  for (unsigned w = 0; w < 2; ++w) {
    detail::atomic<bool> done{false};
    auto body = [&] {
      EXPECT_EQ(allowed_cpus(), std::vector{cpus[w]});
      const std::byte here{};
      const result<unsigned> node = node_of(&here);
      if (node) {
        EXPECT_EQ(*node, real);
      } else {
        EXPECT_EQ(node.error(), std::errc::operation_not_permitted);
      }
      EXPECT_EQ(s.stacks(w).count().in_use, 1u);
      EXPECT_EQ(s.stacks(1 - w).count().in_use, 0u);
      done.store(true);
    };
    detail::detach(detail::spawn_fiber(s, body, {.worker = w}, std::source_location::current()));
    while (!done.load()) std::this_thread::yield();
  }
  EXPECT_TRUE(s.stop(deadline::never()));
  EXPECT_EQ(reports::with(reports::take(), "NUMA"), 0u);
}

// Not that there is one node, which would be false.
TEST_F(Placement, cpus_that_the_kernel_does_not_tell_are_why_it_is_as_pooled) {
  std::string remark;
  std::thread{[&] {
    refuse(SYS_sched_getaffinity, EINVAL);  // as of a kernel with more CPUs than a mask of ours holds
    const placement p{{.memory = memory_strategy::numa_aware}, 2, {{{0, {0}}, {1, {1}}}}};
    EXPECT_EQ(p.nodes(), 1u);
    EXPECT_FALSE(p.bind(0));
    remark = p.remark();
  }}.join();
  EXPECT_NE(remark.find("does not say which CPUs"), std::string::npos) << remark;
}

TEST_F(Placement, memory_that_cannot_be_placed_is_reported_with_the_remedy) {
  const std::vector<unsigned> cpus = allowed_cpus();
  if (cpus.size() < 2) GTEST_SKIP() << "two CPUs are needed";
  const numa_topology two{{{0, {cpus[0]}}, {1, {cpus[1]}}}};
  const placement p{{.memory = memory_strategy::adaptive}, 2, two};
  std::string remark;
  std::thread{[&] {
    refuse(SYS_mbind, EPERM);
    remark = p.remark();
  }}.join();
  EXPECT_NE(remark.find("memory strategy adaptive: mbind: "), std::string::npos) << remark;
  EXPECT_NE(remark.find("SYS_NICE"), std::string::npos) << remark;
}

}  // namespace
}  // namespace weft

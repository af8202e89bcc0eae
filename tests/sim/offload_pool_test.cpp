// The offload pool under every interleaving: no job is lost, none runs twice, none waits behind one that
// blocks, and every thread is joined.
#include <weft/runtime/offload_pool.hpp>

#include <chrono>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::atomic;
using detail::futex_wait;
using detail::futex_wake;
using detail::offload_job;
using detail::offload_options;
using detail::offload_pool;

constexpr std::uint64_t seeds = 10'000;

/// A job that its owner waits for. It lies in the owner's frame, as with blocking().
struct waited_job : offload_job {
  explicit waited_job(atomic<std::uint32_t>* opens = nullptr, atomic<std::uint32_t>* needs = nullptr)
      : opened{opens}, needed{needs} {
    run = [](offload_job& self) noexcept {
      auto& j = static_cast<waited_job&>(self);
      ++j.runs;
      if (j.opened != nullptr) {
        j.opened->store(1);
        futex_wake(j.opened, 1);
      }
      while (j.needed != nullptr && j.needed->load() == 0) futex_wait(*j.needed, 0, deadline::never());
      atomic<std::uint32_t>* const word = &j.done;
      j.done.store(1);
      futex_wake(word, 1);
    };
  }
  void wait() {
    while (done.load() == 0) futex_wait(done, 0, deadline::never());
  }

  int runs = 0;
  atomic<std::uint32_t> done{0};
  atomic<std::uint32_t>* opened;
  atomic<std::uint32_t>* needed;
};

/// Two owners, two jobs each, one of them perhaps withdrawn; threads that come and go.
void come_and_go(sim& world, std::chrono::nanoseconds idle) {
  {
    offload_pool pool{offload_options{.threads_max = 3, .idle = idle}};
    for (int owner = 0; owner < 2; ++owner) {
      world.thread([&] {
        for (int i = 0; i < 2; ++i) {
          waited_job job;
          const bool accepted = pool.submit(job);
          world.check(accepted, "refused");
          if (i == 1 && pool.withdraw(job)) {
            world.check(job.runs == 0, "withdrawn, and ran");
          } else {
            job.wait();
            world.check(job.runs == 1, "ran twice");
          }
        }
      });
    }
    world.run();
    const auto stats = pool.stats();
    world.check(stats.queued == 0, "a job is still queued");
    world.check(stats.submitted == 4, "a submission was not counted");
  }
}

/// The first job ends only when the second has begun, and the second only when the first has: each needs a
/// thread.
void need_each_other(sim& world) {
  offload_pool pool{offload_options{.threads_max = 2}};
  atomic<std::uint32_t> first_began{0}, second_began{0};
  waited_job first{&first_began, &second_began}, second{&second_began, &first_began};
  for (waited_job* const job : {&first, &second}) {
    world.thread([&, job] {
      world.check(pool.submit(*job), "refused");
      job->wait();
    });
  }
  world.run();
}

/// The pool ends while its threads start and jobs are queued: these still run.
void end_with_jobs(sim& world) {
  waited_job jobs[3];
  world.thread([&] {
    offload_pool pool{offload_options{.threads_max = 3, .idle = 0ns}};
    for (waited_job& job : jobs) {
      world.check(pool.submit(job), "refused");
      world.interleave();
    }
  });
  world.run();
  for (const waited_job& job : jobs) world.check(job.runs == 1, "a queued job did not run");
}

TEST(OffloadPool, loses_no_job_while_threads_come_and_go) {
  explore(seeds, [](sim& world) { come_and_go(world, 0ns); });
  explore(seeds, [](sim& world) { come_and_go(world, 1us); }, {.slowness = 50});
  explore(seeds, [](sim& world) { come_and_go(world, 10s); });
}

TEST(OffloadPool, a_blocked_job_holds_up_nobody) { explore(seeds, need_each_other); }

TEST(OffloadPool, ends_after_what_is_queued) { explore(seeds, end_with_jobs); }

TEST(OffloadPool, every_operation_is_needed) {
  const auto all = [](sim& world) {
    come_and_go(world, 1us);
    need_each_other(world);
    end_with_jobs(world);
  };
  const std::vector<exemption> exempt = {
      {"starting_.fetch_add", mutation::change::tear, "changed under mutex_ only"},
      {"starting_.fetch_sub", mutation::change::tear, "changed under mutex_ only"},
  };
  expect_mutations_found("offload_pool.cpp", seeds, all, exempt, {.slowness = 50});
}

}  // namespace
}  // namespace weft

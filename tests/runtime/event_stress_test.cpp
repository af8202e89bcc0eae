// event and wait_group on real threads: what the simulator cannot judge, the memory orders, under
// ThreadSanitizer.
#include <array>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/wait_group.hpp>

namespace weft {
namespace {

const auto rounds = static_cast<unsigned>(weft_test::scaled(2000));

// Data goes to and fro through plain memory, ordered by events alone, which die as soon as they have been
// waited for.
TEST(EventStress, hands_memory_over_and_dies) {
  runtime rt{{.workers = 2}};
  rt.block_on([&] {
    for (unsigned i = 0; i < rounds; ++i) {
      unsigned data = 0;
      std::optional<event> there;
      there.emplace();
      spawn(
          [&] {
            data = i;
            there->set();
          },
          {.worker = 1})
          .detach();
      ASSERT_TRUE(there->wait());
      there.reset();
      ASSERT_EQ(data, i);
    }
  });
}

TEST(EventStress, hands_memory_over_to_threads_too) {
  runtime rt{{.workers = 2}};
  std::vector<event> asked(rounds), answered(rounds);
  std::vector<unsigned> data(rounds);
  std::jthread thread{[&] {
    for (unsigned i = 0; i < rounds; ++i) {
      ASSERT_TRUE(asked[i].wait());
      data[i] *= 2;
      answered[i].set();
    }
  }};
  rt.block_on([&] {
    for (unsigned i = 0; i < rounds; ++i) {
      data[i] = i;
      asked[i].set();
      ASSERT_TRUE(answered[i].wait());
      ASSERT_EQ(data[i], 2 * i);
    }
  });
}

TEST(WaitGroupStress, sees_what_was_done_and_dies) {
  runtime rt{{.workers = 2}};
  rt.block_on([&] {
    constexpr unsigned pieces = 8;
    for (unsigned i = 0; i < rounds / 4; ++i) {
      std::array<unsigned, pieces> done{};
      std::optional<wait_group> group;
      group.emplace();
      group->add(pieces);
      for (unsigned k = 0; k < pieces; ++k)
        spawn(
            [&, k] {
              done[k] = i;
              group->done();
            },
            {.worker = k % 2})
            .detach();
      ASSERT_TRUE(group->wait());
      group.reset();
      for (const unsigned d : done) ASSERT_EQ(d, i);
    }
  });
}

// Fibers and threads do the work, and both wait for it; the last one destroys the group.
TEST(WaitGroupStress, threads_work_and_wait_as_fibers_do) {
  constexpr unsigned workers = 4, waiters = 4;
  struct round {
    round() { group->add(2 * workers); }

    std::optional<wait_group> group{std::in_place};
    std::array<unsigned, 2 * workers> done{};
    std::atomic<unsigned> waiting{waiters};  // std::atomic, because the test counts, not weft
  };
  std::vector<round> all(rounds / 4);
  const auto works = [&](unsigned who) {
    for (unsigned i = 0; i < all.size(); ++i)
      for (const unsigned piece : {who, who + workers}) {
        all[i].done[piece] = i + 1;
        all[i].group->done();
      }
  };
  const auto waits = [&] {
    for (unsigned i = 0; i < all.size(); ++i) {
      ASSERT_TRUE(all[i].group->wait());
      for (const unsigned d : all[i].done) ASSERT_EQ(d, i + 1);
      if (--all[i].waiting == 0) all[i].group.reset();
    }
  };
  runtime rt{{.workers = 2}};
  std::vector<task<void>> fibers;
  std::vector<std::jthread> threads;
  for (unsigned k = 0; k < 2; ++k) {
    threads.emplace_back(waits);
    fibers.push_back(rt.spawn(waits, {.worker = k}));
    threads.emplace_back([&, k] { works(k); });
    fibers.push_back(rt.spawn([&, k] { works(k + 2); }, {.worker = k}));
  }
  for (task<void>& f : fibers) f.join();
  threads.clear();
  for (const round& r : all) EXPECT_FALSE(r.group.has_value());
}

}  // namespace
}  // namespace weft

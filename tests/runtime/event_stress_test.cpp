// event and wait_group on real threads: what the simulator cannot judge, the memory orders, under
// ThreadSanitizer.
#include <array>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/wait_group.hpp>

namespace weft {
namespace {

constexpr unsigned rounds = 2000;

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
  std::array<event, rounds> asked, answered;
  std::array<unsigned, rounds> data{};
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

}  // namespace
}  // namespace weft

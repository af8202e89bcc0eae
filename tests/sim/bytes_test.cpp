// bytes: the memory goes once, with the last handle, and not before, at every interleaving.
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/pools/bytes.hpp>

namespace weft {
namespace {

constexpr std::uint64_t seeds = 10'000;

// A block that tells when it is released, and stays, so that who comes too late is seen.
struct watched_block : detail::byte_block {
  watched_block() noexcept : byte_block{&memory, 8, on_release} {}
  static void on_release(detail::byte_block& block) noexcept {
    ++static_cast<watched_block&>(block).released;
  }

  static inline std::byte memory;  // nobody looks at it: only handles matter here
  int released = 0;
  int handles = 1;  // counted up before one is made, and down before one goes
};

void share(sim& world) {
  watched_block block;
  const auto look = [&](const bytes& handle) {
    const bool unique = handle.unique();
    world.check(!unique || block.handles == 1, "said to be unique, and is shared");
    world.check(block.released == 0, "released while there is a handle");
  };
  {
    const bytes first{buffer::adopt(block, block.capacity())};
    for (int i = 0; i < 3; ++i) {
      ++block.handles;
      world.thread([&, mine = first] mutable {
        std::vector<bytes> more;
        for (std::uint64_t step = world.random(4); step-- > 0;) {
          ++block.handles;
          more.push_back(world.random(2) == 0 ? mine : mine.slice(world.random(8)));
          look(more.back());
          if (world.random(2) == 0) {
            --block.handles;
            more.pop_back();
          }
        }
        look(mine);
        --block.handles;
        mine = {};
        while (!more.empty()) {
          look(more.back());
          --block.handles;
          more.pop_back();
        }
      });
    }
    --block.handles;
  }
  world.run();
  world.check(block.released == 1, "not released once");
}

TEST(Bytes, the_last_handle_and_no_other_releases_the_memory) { explore(seeds, share); }

TEST(Bytes, every_operation_is_needed) { expect_mutations_found("pools/byte_block.hpp", seeds, share); }

}  // namespace
}  // namespace weft

// The ring of a trace: whatever the reader catches of the writer, a record is whole, and there is no gap.
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/trace/ring.hpp>

namespace weft {
namespace {

constexpr std::uint64_t seeds = 10'000;

trace::detail::record numbered(std::uint64_t n) {
  trace::detail::record r{.time = static_cast<std::int64_t>(n), .fiber = n, .subject = n};
  r.append_raw(n);
  return r;
}

// A ring of two, so that the writer soon comes round.
void look_while_it_is_written(sim& world) {
  trace::detail::ring ring{2};
  world.thread(
      [&] {
        for (std::uint64_t n = 0; n < 5; ++n) ring.write(numbered(n));
      },
      "writer");
  world.thread(
      [&] {
        for (int i = 0; i < 2; ++i) {
          const std::uint64_t before = ring.written();
          std::vector<trace::detail::record> got;
          std::uint64_t expected = ring.read(got);
          world.check(expected + got.size() >= before, "something that was there is missing");
          for (const trace::detail::record& r : got) {
            world.check(r.subject == expected, "out of order, or a gap");
            world.check(r.fiber == expected && r.time == static_cast<std::int64_t>(expected) &&
                            r.length == 8 && r.raw<std::uint64_t>() == expected,
                        "torn");
            ++expected;
          }
        }
      },
      "reader");
  world.run();
  std::vector<trace::detail::record> last;
  world.check(ring.read(last) == 3 && last.size() == 2, "the last two are to be there");
}

TEST(TraceRing, is_read_whole_and_in_order) { explore(seeds, look_while_it_is_written); }

TEST(TraceRing, mutations_of_the_writer_are_found) {
  expect_mutations_found({"runtime/trace/ring.hpp", "ring::write("}, seeds, look_while_it_is_written);
}

TEST(TraceRing, mutations_of_the_reader_are_found) {
  expect_mutations_found("runtime/trace/ring.cpp", seeds, look_while_it_is_written);
}

}  // namespace
}  // namespace weft

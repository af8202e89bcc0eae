// ring: what is read is what was written, in order, without a gap, whoever writes meanwhile.
#include <weft/runtime/trace/ring.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>

namespace weft::trace::detail {
namespace {

// A record whose every part says the same number.
record numbered(std::uint64_t n) {
  record r{.time = static_cast<std::int64_t>(n),
           .kind = record_kind::span_event,
           .number = static_cast<std::uint32_t>(n),
           .fiber = n,
           .subject = n};
  for (int i = 0; i < 11; ++i) r.append_raw(n);
  return r;
}

bool is_whole(const record& r) {
  const auto n = r.subject;
  bool same = r.time == static_cast<std::int64_t>(n) && r.number == static_cast<std::uint32_t>(n) &&
              r.fiber == n && r.length == record::tail_size;
  for (std::size_t i = 0; i < 11; ++i) same = same && r.raw<std::uint64_t>(8 * i) == n;
  return same;
}

TEST(TraceRing, gives_back_what_was_written) {
  ring r{16};
  record said{.time = 7, .kind = record_kind::attribute, .detail = 3, .number = 9, .fiber = 1, .subject = 2};
  said.append("key");
  said.key_length = 3;
  said.append("value");
  r.write(said);
  std::vector<record> got;
  EXPECT_EQ(r.read(got), 0u);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].time, 7);
  EXPECT_EQ(got[0].kind, record_kind::attribute);
  EXPECT_EQ(got[0].detail, 3);
  EXPECT_EQ(got[0].number, 9u);
  EXPECT_EQ(got[0].fiber, 1u);
  EXPECT_EQ(got[0].subject, 2u);
  EXPECT_EQ(got[0].text(), "keyvalue");
}

TEST(TraceRing, overwrites_the_oldest_and_counts_them) {
  ring r{16};
  for (std::uint64_t n = 0; n < 100; ++n) r.write(numbered(n));
  std::vector<record> got;
  EXPECT_EQ(r.read(got), 84u);
  ASSERT_EQ(got.size(), 16u);
  for (std::uint64_t i = 0; i < 16; ++i) EXPECT_EQ(got[i].subject, 84 + i);
  EXPECT_EQ(r.written(), 100u);
}

TEST(TraceRing, has_room_for_the_next_power_of_two) {
  EXPECT_EQ(ring{17}.capacity(), 32u);
  EXPECT_EQ(ring{16}.capacity(), 16u);
}

TEST(TraceRing, cuts_off_what_does_not_fit) {
  record r;
  r.append(std::string(50, 'a'));
  r.append(std::string(50, 'b'));
  EXPECT_EQ(r.text(), std::string(50, 'a') + std::string(38, 'b'));
}

TEST(TraceRing, what_is_read_while_it_is_written_is_whole_and_without_a_gap) {
  ring r{64};
  std::atomic<bool> done{false};
  std::thread writer{[&] {
    const std::uint64_t count = weft_test::scaled(400'000);
    for (std::uint64_t n = 0; n < count; ++n) r.write(numbered(n));
    done.store(true);
  }};
  bool over = false;
  std::uint64_t seen = 0;
  while (!over) {
    over = done.load();
    std::vector<record> got;
    const std::uint64_t lost = r.read(got);
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_TRUE(is_whole(got[i]));
      ASSERT_EQ(got[i].subject, lost + i);
    }
    seen += got.size();
  }
  writer.join();
  EXPECT_GE(seen, 64u);
}

}  // namespace
}  // namespace weft::trace::detail

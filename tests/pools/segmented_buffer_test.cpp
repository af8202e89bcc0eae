// segmented_buffer against a std::string that does the same, and what must not be copied.
#include <weft/pools/segmented_buffer.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <sys/uio.h>
#include <unistd.h>

#include <build_kind.hpp>

namespace weft {
namespace {

using namespace std::string_view_literals;

bytes text(std::string_view from) { return bytes::copy_of(from); }

std::string contents(const segmented_buffer& of) {
  std::string all(of.size(), '?');
  EXPECT_EQ(of.copy_to(std::as_writable_bytes(std::span{all})), of.size());
  return all;
}

TEST(SegmentedBuffer, holds_slices_in_order_without_copying) {
  segmented_buffer queue;
  EXPECT_TRUE(queue.empty());
  const bytes one = text("one "), two = text("two");
  queue.append(one);
  queue.append(bytes{});
  queue.append(two);
  EXPECT_EQ(queue.size(), 7u);
  ASSERT_EQ(queue.segments(), 2u);
  EXPECT_EQ(queue.segment(0).data(), one.data());
  EXPECT_EQ(queue.segment(1).data(), two.data());
  EXPECT_EQ(contents(queue), "one two");
}

TEST(SegmentedBuffer, what_is_consumed_is_let_go) {
  segmented_buffer queue;
  const bytes one = text("one "), two = text("two ");
  queue.append(one);
  queue.append(two);
  queue.consume(3);
  EXPECT_FALSE(one.unique());
  EXPECT_EQ(contents(queue), " two ");
  queue.consume(1);
  EXPECT_TRUE(one.unique());
  queue.consume(1);
  EXPECT_EQ(contents(queue), "wo ");
  queue.clear();
  EXPECT_TRUE(two.unique());
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.segments(), 0u);
}

TEST(SegmentedBuffer, take_shares_within_a_slice_and_copies_across) {
  segmented_buffer queue;
  const bytes one = text("abcdef"), two = text("ghi");
  queue.append(one);
  queue.append(two);
  const bytes front = queue.take(2);
  EXPECT_EQ(front.data(), one.data());
  EXPECT_EQ(front.text(), "ab");
  EXPECT_EQ(queue.copied_bytes(), 0u);
  const bytes across = queue.take(6);
  EXPECT_EQ(across.text(), "cdefgh");
  EXPECT_EQ(queue.copied_bytes(), 6u);
  const bytes rest = queue.take(1);
  EXPECT_EQ(rest.data(), two.data() + 2);
  EXPECT_TRUE(queue.take(0).empty());
  EXPECT_TRUE(queue.empty());
}

TEST(SegmentedBuffer, split_front_moves_slices_and_shares_the_one_between) {
  segmented_buffer queue;
  const bytes one = text("abc"), two = text("defg");
  queue.append(one);
  queue.append(two);
  segmented_buffer front = queue.split_front(5);
  EXPECT_EQ(contents(front), "abcde");
  EXPECT_EQ(contents(queue), "fg");
  ASSERT_EQ(front.segments(), 2u);
  EXPECT_EQ(front.segment(0).data(), one.data());
  EXPECT_EQ(front.segment(1).data(), two.data());
  front.append(std::move(queue));
  EXPECT_EQ(contents(front), "abcdefg");
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(front.copied_bytes(), 0u);
}

TEST(SegmentedBuffer, gathers_as_much_as_the_list_holds_and_the_caller_wants) {
  segmented_buffer queue;
  for (const auto part : {"one"sv, "two"sv, "three"sv}) queue.append(text(part));
  std::array<iovec, 2> list;
  ASSERT_EQ(queue.gather(list).size(), 2u);
  EXPECT_EQ(list[0].iov_len, 3u);
  EXPECT_EQ(list[1].iov_base, queue.segment(1).data());
  ASSERT_EQ(queue.gather(list, 4).size(), 2u);
  EXPECT_EQ(list[1].iov_len, 1u);
  EXPECT_EQ(queue.gather(list, 3).size(), 1u);
  EXPECT_EQ(queue.gather(list, 0).size(), 0u);
  EXPECT_EQ(queue.gather({}).size(), 0u);
  EXPECT_EQ(segmented_buffer{}.gather(list).size(), 0u);
}

TEST(SegmentedBuffer, goes_out_by_writev_in_any_pieces) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  segmented_buffer queue;
  std::string wanted;
  for (int i = 0; i < 100; ++i) {
    const std::string part(static_cast<std::size_t>(i % 13), static_cast<char>('a' + i % 26));
    queue.append(text(part));
    wanted += part;
  }
  std::string got;
  while (!queue.empty()) {
    std::array<iovec, 7> list;
    const auto parts = queue.gather(list, 50);
    const ssize_t written = writev(ends[1], parts.data(), static_cast<int>(parts.size()));
    ASSERT_GT(written, 0);
    queue.consume(static_cast<std::size_t>(written) / 2 + 1);  // as if only half had gone
    char part[64];
    ASSERT_EQ(read(ends[0], part, sizeof part), written);
    got.append(part, static_cast<std::size_t>(written) / 2 + 1);
  }
  EXPECT_EQ(got, wanted);
  close(ends[0]);
  close(ends[1]);
}

TEST(SegmentedBuffer, moves_and_leaves_nothing_behind) {
  segmented_buffer from;
  const bytes one = text("one");
  from.append(one);
  segmented_buffer to{std::move(from)};
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(from.segments(), 0u);
  from.append(text("used again"));
  EXPECT_EQ(contents(from), "used again");
  to = std::move(from);
  EXPECT_TRUE(one.unique());
  EXPECT_EQ(contents(to), "used again");
}

TEST(SegmentedBufferDeathTest, more_than_there_is_is_an_assertion) {
  segmented_buffer queue;
  queue.append(text("abc"));
  EXPECT_DEATH(queue.consume(4), "more is consumed");
  EXPECT_DEATH((void)queue.take(4), "more is taken");
  EXPECT_DEATH((void)queue.split_front(4), "more is taken");
  EXPECT_DEATH((void)queue.segment(1), "no such segment");
  EXPECT_DEATH(queue.append(std::move(queue)), "to itself");
}

// Any operation, in any order, beside a string; the ring wraps around and grows meanwhile.
TEST(SegmentedBuffer, does_what_a_string_does) {
  std::mt19937_64 random{42};
  segmented_buffer queue;
  std::string model;
  const auto up_to = [&](std::size_t most) { return static_cast<std::size_t>(random() % (most + 1)); };
  for (int step = 0; step < weft_test::scaled(60'000); ++step) {
    switch (random() % (model.size() > 400 ? 9 : 6)) {
      case 0:
      case 1:
      case 2: {
        std::string part(up_to(20), ' ');
        for (char& c : part) c = static_cast<char>('a' + random() % 26);
        queue.append(text(part));
        model += part;
        break;
      }
      case 3: {
        const std::size_t n = up_to(model.size());
        segmented_buffer front = queue.split_front(n);
        ASSERT_EQ(contents(front), model.substr(0, n));
        if (random() % 2 == 0) {  // and back again, behind
          queue.append(std::move(front));
          model += model.substr(0, n);
        }
        model.erase(0, n);
        break;
      }
      case 4: {
        const std::size_t offset = up_to(model.size() + 5);
        const char what = static_cast<char>('a' + random() % 26);
        const std::size_t at = std::min(model.find(what, offset), model.size());
        ASSERT_EQ(queue.find_byte(static_cast<std::byte>(what), offset), at);
        std::string part(up_to(50), '?');
        const std::string wanted = offset < model.size() ? model.substr(offset, part.size()) : "";
        part.resize(queue.copy_to(std::as_writable_bytes(std::span{part}), offset));
        ASSERT_EQ(part, wanted);
        break;
      }
      case 5:
      case 6: {
        const std::size_t n = up_to(std::min<std::size_t>(model.size(), 60));
        ASSERT_EQ(queue.take(n).text(), model.substr(0, n));
        model.erase(0, n);
        break;
      }
      default: {
        const std::size_t n = up_to(model.size());
        queue.consume(n);
        model.erase(0, n);
      }
    }
    ASSERT_EQ(queue.size(), model.size());
    if (step % 16 == 0) {
      ASSERT_EQ(contents(queue), model);
    }
  }
}

}  // namespace
}  // namespace weft

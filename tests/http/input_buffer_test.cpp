// The bytes of a connection: small at first, large when they do not fit, and a head that is held stays put.
#include <weft/http/input_buffer.hpp>

#include <cstring>
#include <map>
#include <memory_resource>
#include <string>

#include <gtest/gtest.h>

using weft::http::detail::input_buffer;

namespace {

constexpr std::size_t head_max = 16 << 10;
constexpr std::size_t large = head_max + input_buffer::slack;

/// Counts what is taken, by size; at the end all must be back.
class counting_memory final : public std::pmr::memory_resource {
 public:
  ~counting_memory() override { EXPECT_EQ(live(), 0u); }
  std::size_t live() const {
    std::size_t sum = 0;
    for (const auto& [size, count] : by_size) sum += size * count;
    return sum;
  }

  std::map<std::size_t, std::size_t> by_size;

 private:
  void* do_allocate(std::size_t bytes, std::size_t) override {
    ++by_size[bytes];
    return ::operator new(bytes);
  }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t) override {
    --by_size[bytes];
    ::operator delete(memory);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

/// Gives `text` to the buffer, as reads would, as much each time as there is room for.
void receive(input_buffer& buffer, std::string_view text) {
  while (!text.empty()) {
    const auto space = buffer.space();
    ASSERT_FALSE(space.empty());
    const std::size_t length = std::min(space.size(), text.size());
    std::memcpy(space.data(), text.data(), length);
    buffer.added(length);
    text.remove_prefix(length);
  }
}

std::string letters(std::size_t length) {
  std::string text(length, ' ');
  for (std::size_t i = 0; i < length; ++i) text[i] = static_cast<char>('a' + i % 26);
  return text;
}

TEST(InputBuffer, takes_nothing_before_there_is_something) {
  counting_memory memory;
  input_buffer buffer{head_max, memory};
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(memory.live(), 0u);
  EXPECT_EQ(buffer.space().size(), input_buffer::small);
  EXPECT_EQ(memory.live(), input_buffer::small);
}

TEST(InputBuffer, stays_small_for_small_requests) {
  counting_memory memory;
  input_buffer buffer{head_max, memory};
  for (int i = 0; i < 1000; ++i) {
    receive(buffer, letters(200));
    buffer.hold(150);
    buffer.consume(50);
    buffer.release();
  }
  EXPECT_EQ(memory.live(), input_buffer::small);
}

TEST(InputBuffer, becomes_large_for_a_large_head_and_keeps_its_bytes) {
  counting_memory memory;
  input_buffer buffer{head_max, memory};
  const std::string head = letters(head_max);
  receive(buffer, head);
  EXPECT_EQ(buffer.unread(), head);
  EXPECT_EQ(memory.live(), large);
  const char* const held = buffer.hold(head.size());
  EXPECT_EQ((std::string_view{held, head.size()}), head);
  EXPECT_GE(buffer.space().size(), input_buffer::slack / 2);
}

TEST(InputBuffer, becomes_large_when_a_read_has_filled_it) {
  counting_memory memory;
  input_buffer buffer{head_max, memory};
  receive(buffer, letters(input_buffer::small));
  buffer.consume(input_buffer::small);
  EXPECT_EQ(buffer.space().size(), large);
  EXPECT_EQ(memory.live(), large);
}

// The views of the request's head lie in it: nothing of it may move while its handler runs.
TEST(InputBuffer, a_head_that_is_held_stays_where_it_is_while_the_body_comes) {
  for (const std::size_t head_length : {10u, 2000u, 3000u, 4000u, 4090u}) {
    counting_memory memory;
    input_buffer buffer{head_max, memory};
    const std::string head = letters(head_length);
    receive(buffer, head + "0123");
    const char* const held = buffer.hold(head_length);
    std::string body;
    std::string sent = "0123";
    for (int i = 0; i < 50; ++i) {
      const std::string piece = letters(700);
      receive(buffer, piece);
      sent += piece;
      ASSERT_EQ((std::string_view{held, head_length}), head) << i;
      body += buffer.unread().substr(0, 500);
      buffer.consume(std::min<std::size_t>(500, buffer.unread().size()));
      if (buffer.unread().size() > 8000) {
        body += buffer.unread();
        buffer.consume(buffer.unread().size());
      }
    }
    body += buffer.unread();
    EXPECT_EQ(body, sent) << head_length;
    buffer.release();
    EXPECT_LE(memory.live(), large);
  }
}

TEST(InputBuffer, reset_keeps_the_first_block_only) {
  counting_memory memory;
  input_buffer buffer{head_max, memory};
  receive(buffer, letters(4000));
  buffer.hold(3900);
  receive(buffer, letters(3000));
  EXPECT_EQ(memory.live(), input_buffer::small + large);
  buffer.reset();
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(memory.live(), 0u);
  receive(buffer, letters(100));
  buffer.reset();
  EXPECT_EQ(memory.live(), input_buffer::small);
}

}  // namespace

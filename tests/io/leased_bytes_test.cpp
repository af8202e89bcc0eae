// Leases on a worker's receive buffers, by fibers: they end anywhere and any time, a slow consumer takes
// nobody else's, and what finds no buffer comes in the consumer's own memory.
#include "fiber_fixture.hpp"

#include <deque>

#include <build_kind.hpp>
#include <weft/io/descriptor.hpp>
#include <weft/runtime/blocking.hpp>
#include <weft/runtime/channel.hpp>
#include <weft/runtime/wait_group.hpp>
#include <weft/runtime/with_deadline.hpp>

namespace weft::detail {
namespace {

using io::leased_bytes;
using io::lessee;

class LeasedBytes : public OnFibers {};
INSTANTIATE_TEST_SUITE_P(backends, LeasedBytes, testing::Values(backend::uring, backend::epoll),
                         backend_name);

struct stream_pair {
  descriptor near, far;
};

stream_pair streams() {
  auto [near, far] = tcp_pair();
  return {descriptor{near.release()}, descriptor{far.release()}};
}

std::span<const std::byte> text(std::string_view s) { return std::as_bytes(std::span{s}); }
std::string text_of(const leased_bytes& b) {
  return {reinterpret_cast<const char*>(b.bytes().data()), b.size()};
}

provided_buffers& buffers_here() { return *worker::current()->io().buffers(); }
std::size_t in_use_here() {
  buffers_here().collect();
  return buffers_here().stats().in_use;
}

TEST_P(LeasedBytes, a_wait_holds_no_buffer_and_a_lease_holds_one) {
  run(1, [] {
    auto [near, far] = streams();
    lessee me;
    auto reader = spawn([&] {
      const auto got = near.recv_leased(me);
      ASSERT_TRUE(got);
      EXPECT_TRUE(got->leased());
      EXPECT_EQ(text_of(*got), "hello");
      EXPECT_EQ(in_use_here(), 1u);
      EXPECT_EQ(me.held(), 1u);
    });
    (void)this_fiber::sleep_for(1ms);
    EXPECT_EQ(in_use_here(), 0u);
    ASSERT_TRUE(far.send(text("hello")));
    reader.join();
    EXPECT_EQ(in_use_here(), 0u);
    EXPECT_EQ(me.held(), 0u);
    ASSERT_TRUE(far.shutdown(SHUT_WR));
    const auto end = near.recv_leased(me);
    ASSERT_TRUE(end);
    EXPECT_TRUE(end->empty());
    EXPECT_FALSE(end->leased());
    EXPECT_EQ(in_use_here(), 0u);
  });
}

TEST_P(LeasedBytes, move_along_and_end_once) {
  run(1, [] {
    auto [near, far] = streams();
    lessee me;
    ASSERT_TRUE(far.send(text("a")));
    leased_bytes first = *near.recv_leased(me);
    ASSERT_TRUE(far.send(text("b")));
    leased_bytes second = *near.recv_leased(me);
    EXPECT_EQ(me.held(), 2u);
    first = std::move(second);
    EXPECT_EQ(me.held(), 1u);
    EXPECT_EQ(text_of(first), "b");
    first.end();
    first.end();
    EXPECT_TRUE(first.empty());
    EXPECT_EQ(me.held(), 0u);
    EXPECT_EQ(in_use_here(), 0u);
  });
}

TEST_P(LeasedBytes, a_deadline_a_stop_and_a_close_end_the_wait_and_keep_no_buffer) {
  run(2, [] {
    auto [near, far] = streams();
    lessee me;
    EXPECT_EQ(near.recv_leased(me, deadline::past()).error(), errc::deadline_exceeded);
    EXPECT_EQ(near.recv_leased(me, 1ms).error(), errc::deadline_exceeded);
    EXPECT_EQ(with_deadline(1ms, [&] { return near.recv_leased(me).error(); }), errc::deadline_exceeded);
    auto stopped = spawn([&] { EXPECT_EQ(near.recv_leased(me).error(), errc::canceled); });
    (void)this_fiber::sleep_for(1ms);
    stopped.request_stop();
    stopped.join();
    auto closed = spawn([&] { EXPECT_EQ(near.recv_leased(me).error(), errc::closed); });
    (void)this_fiber::sleep_for(1ms);
    near.close();
    closed.join();
    EXPECT_EQ(near.recv_leased(me).error(), errc::closed);
    EXPECT_EQ(in_use_here(), 0u);
  });
}

// The end of the wait and the data at the same moment, again and again: each byte is had once, and each
// buffer comes back.
TEST_P(LeasedBytes, what_comes_while_a_wait_ends_is_not_lost) {
  run(2, [] {
    auto [near, far] = streams();
    lessee me;
    auto sender = spawn([&] {
      for (int i = 0; i < weft_test::scaled(500); ++i) {
        ASSERT_TRUE(far.send(text("x")));
        if (i % 3 == 0) (void)this_fiber::sleep_for(50us);
        else this_fiber::yield();
      }
      ASSERT_TRUE(far.shutdown(SHUT_WR));
    });
    std::size_t got = 0;
    for (int i = 0;; ++i) {
      const auto piece = near.recv_leased(me, std::chrono::microseconds{i % 60});
      if (!piece) {
        ASSERT_TRUE(piece.error() == errc::deadline_exceeded) << piece.error().message();
        continue;
      }
      if (piece->empty()) break;
      got += piece->size();
    }
    sender.join();
    EXPECT_EQ(got, static_cast<std::size_t>(weft_test::scaled(500)));
    EXPECT_EQ(in_use_here(), 0u);
  });
}

TEST_P(LeasedBytes, end_on_any_worker_and_any_thread) {
  run(2, [] {
    auto [near, far] = streams();
    lessee me;
    const unsigned here = worker::current()->index();
    for (int round = 0; round < 6; ++round) {
      ASSERT_TRUE(far.send(text("wander")));
      auto got = near.recv_leased(me);
      ASSERT_TRUE(got && got->leased());
      auto look_and_end = [lease = std::move(*got)]() mutable {
        EXPECT_EQ(text_of(lease), "wander");
        lease.end();
      };
      if (round % 2 == 0) spawn(std::move(look_and_end), {.worker = 1 - here}).join();
      else blocking(look_and_end);
      EXPECT_EQ(me.held(), 0u);
    }
    EXPECT_EQ(in_use_here(), 0u);
  });
}

TEST_P(LeasedBytes, a_slow_consumer_keeps_a_few_and_the_others_get_theirs) {
  run(1, [] {
    auto [near, far] = streams();
    lessee slow{{.leases_max = 3, .held_max = 1h}};
    std::vector<leased_bytes> kept;
    char own[8];
    int asked = 0;
    const auto receive = [&] {
      EXPECT_TRUE(far.send(text("slow")));
      auto got = near.recv_leased(slow, [&] { return ++asked, bytes_of(own); });
      EXPECT_TRUE(got);
      EXPECT_EQ(text_of(*got), "slow");
      return std::move(*got);
    };
    kept.reserve(3);
    for (int i = 0; i < 3; ++i) kept.push_back(receive());
    EXPECT_EQ(asked, 0);
    for (int i = 0; i < 5; ++i) EXPECT_FALSE(receive().leased());
    EXPECT_EQ(asked, 5);
    EXPECT_EQ(in_use_here(), 3u);
    auto [other_near, other_far] = streams();
    lessee other;
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(other_far.send(text("quick")));
      EXPECT_TRUE(other_near.recv_leased(other)->leased());
    }
    kept.pop_back();
    EXPECT_TRUE(receive().leased());
    kept.clear();
    EXPECT_EQ(in_use_here(), 0u);
  });
}

TEST_P(LeasedBytes, who_waits_at_its_bound_waits_once_and_takes_no_memory_meanwhile) {
  run(1, [] {
    auto [near, far] = streams();
    lessee slow{{.leases_max = 1}};
    ASSERT_TRUE(far.send(text("1")));
    const auto kept = near.recv_leased(slow);
    bool asked = false;
    char own[8];
    auto reader = spawn([&] {
      const auto got = near.recv_leased(slow, [&] { return asked = true, bytes_of(own); });
      ASSERT_TRUE(got);
      EXPECT_FALSE(got->leased());
      EXPECT_EQ(text_of(*got), "2");
    });
    (void)this_fiber::sleep_for(1ms);
    const auto before = worker::current()->io().counters().submitted;
    (void)this_fiber::sleep_for(10ms);
    EXPECT_EQ(worker::current()->io().counters().submitted, before) << "it does not keep asking";
    EXPECT_FALSE(asked);
    ASSERT_TRUE(far.send(text("2")));
    reader.join();
    EXPECT_TRUE(asked);
  });
}

// More consumers than there are buffers, each keeping one: whoever comes too late has its bytes all the same.
TEST_P(LeasedBytes, when_all_are_out_own_memory_takes_their_place) {
  run(1, [] {
    const unsigned count = buffers_here().count();
    const unsigned all = count + 20;
    std::vector<stream_pair> of;
    std::deque<lessee> by;
    std::vector<leased_bytes> kept;
    char own[8];
    for (unsigned i = 0; i < all; ++i) {
      auto [near, far] = socket_pair();
      of.push_back({descriptor{near.release()}, descriptor{far.release()}});
      by.emplace_back();
      ASSERT_TRUE(of[i].far.send(text("bytes")));
      auto got = of[i].near.recv_leased(by[i], [&] { return bytes_of(own); });
      ASSERT_TRUE(got) << got.error().message();
      EXPECT_EQ(text_of(*got), "bytes");
      EXPECT_EQ(got->leased(), i < count);
      kept.push_back(std::move(*got));
    }
    EXPECT_EQ(in_use_here(), count);
    EXPECT_EQ(buffers_here().stats().refused, 20u);
    kept.clear();
    EXPECT_EQ(in_use_here(), 0u);
    ASSERT_TRUE(of[all - 1].far.send(text("x")));
    EXPECT_TRUE(of[all - 1].near.recv_leased(by[all - 1])->leased());
  });
}

TEST_P(LeasedBytes, outlive_their_stream_and_their_runtime) {
  lessee me;
  leased_bytes kept[2];
  run(2, [&] {
    for (leased_bytes& lease : kept) {
      auto [near, far] = streams();
      ASSERT_TRUE(far.send(text("still here")));
      lease = *near.recv_leased(me);
    }
    for (const leased_bytes& lease : kept) EXPECT_EQ(text_of(lease), "still here");
  });
  for (leased_bytes& lease : kept) {
    EXPECT_TRUE(lease.leased());
    EXPECT_EQ(text_of(lease), "still here");
    lease.end();
  }
}

TEST_P(LeasedBytes, a_foreign_thread_receives_into_its_own_memory) {
  auto [near, far] = tcp_pair();
  descriptor stream{near.release()};
  ASSERT_EQ(::send(far, "thread", 6, 0), 6);
  lessee me;
  char own[8];
  const auto got = stream.recv_leased(me, [&] { return bytes_of(own); }, deadline{5s});
  ASSERT_TRUE(got);
  EXPECT_FALSE(got->leased());
  EXPECT_EQ(text_of(*got), "thread");
}

// Streams of numbered bytes on all workers; their leases end late, in others' hands.
TEST_P(LeasedBytes, streams_arrive_whole_while_leases_wander) {
  constexpr unsigned workers = 3;
  constexpr int count = 12;
  static constexpr auto length = static_cast<std::size_t>(weft_test::scaled(300'000));
  run(workers, [&] {
    struct piece {
      leased_bytes bytes;
      std::uint8_t first = 0;
    };
    channel<piece> wandering{8};
    std::vector<task<void>> enders;
    enders.reserve(workers);
    for (unsigned w = 0; w < workers; ++w)
      enders.push_back(spawn(
          [&] {
            for (piece& p : wandering) {
              std::uint8_t expected = p.first;
              for (const std::byte b : p.bytes.bytes())
                ASSERT_EQ(std::to_integer<std::uint8_t>(b), expected++) << "somebody wrote into a lease";
            }
          },
          {.worker = w}));
    std::vector<task<void>> ends;
    ends.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i)
      ends.push_back(spawn(
          [&wandering] {
            auto [near, far] = streams();
            auto sender = spawn([&far] {
              std::vector<std::byte> all(length);
              for (std::size_t at = 0; at < length; ++at) all[at] = static_cast<std::byte>(at);
              std::span<const std::byte> left = all;
              while (!left.empty()) {
                const auto sent = far.send(left.first(std::min<std::size_t>(left.size(), 3000)));
                ASSERT_TRUE(sent);
                left = left.subspan(*sent);
              }
              ASSERT_TRUE(far.shutdown(SHUT_WR));
            });
            lessee me;
            std::size_t got = 0;
            for (;;) {
              std::byte own[1000];
              auto received = near.recv_leased(me, [&] { return std::span<std::byte>{own}; });
              ASSERT_TRUE(received) << received.error().message();
              if (received->empty()) break;
              const auto first = static_cast<std::uint8_t>(got);
              got += received->size();
              if (received->leased()) {
                ASSERT_TRUE(wandering.send(piece{std::move(*received), first}));
                continue;
              }
              std::uint8_t expected = first;
              for (const std::byte b : received->bytes())
                ASSERT_EQ(std::to_integer<std::uint8_t>(b), expected++);
            }
            EXPECT_EQ(got, length);
            sender.join();
            while (me.held() != 0) (void)this_fiber::sleep_for(100us);
          },
          {.worker = static_cast<unsigned>(i) % workers}));
    for (auto& t : ends) t.join();
    wandering.close();
    for (auto& t : enders) t.join();
    for (unsigned w = 0; w < workers; ++w) spawn([] { EXPECT_EQ(in_use_here(), 0u); }, {.worker = w}).join();
  });
}

}  // namespace
}  // namespace weft::detail

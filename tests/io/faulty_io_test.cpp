// Fibers whose pollers make everything go wrong that may (faulty_poller): streams arrive whole, EINTR is
// never seen, deadlines and closes end every wait. This executable has its own make_poller, so all workers
// get one.
#include <algorithm>
#include <atomic>
#include <deque>

#include <faulty_poller.hpp>
#include <weft/io/descriptor.hpp>
#include <weft/io/epoll_poller.hpp>
#include <weft/io/uring_poller.hpp>
#include <weft/runtime/wait_group.hpp>

#include "fiber_fixture.hpp"

namespace weft::detail {
namespace {

std::atomic<std::uint64_t> seed{1};
std::atomic<backend> chosen{backend::epoll};
std::atomic<std::size_t> in_kernel_max{~std::size_t{0}};
fault_counts counted;

bool is_injected(const std::error_code& e) {
  return e == std::errc::no_buffer_space || e == std::errc::not_enough_memory;
}

}  // namespace

result<std::unique_ptr<poller>> make_poller(const poller_options& given) {
  poller_options options = given;
  options.receive_buffers = 4;  // few, so that the real ones run out too
  auto made = chosen == backend::uring ? uring_poller::open(options) : epoll_poller::open(options);
  if (!made) return made;
  return std::make_unique<faulty_poller>(std::move(*made), faults{.seed = seed.fetch_add(1),
                                                                  .short_count = 300,
                                                                  .interrupted = 100,
                                                                  .out_of_buffers = 50,
                                                                  .late = 200,
                                                                  .late_turns = 5,
                                                                  .in_kernel_max = in_kernel_max,
                                                                  .counts = &counted});
}

namespace {

class FaultyIo : public OnFibers {
 protected:
  void SetUp() override {
    chosen = GetParam();
    in_kernel_max = ~std::size_t{0};
    OnFibers::SetUp();
    counted.injected = counted.kept_waiting = 0;
  }
};

INSTANTIATE_TEST_SUITE_P(backends, FaultyIo, testing::Values(backend::uring, backend::epoll), backend_name);

std::span<const std::byte> bytes_of_text(std::string_view s) { return std::as_bytes(std::span{s}); }

// Sends all of `bytes`, or fails with something that was not injected.
result<void> send_all(descriptor& to, std::span<const std::byte> bytes, deadline until) {
  while (!bytes.empty()) {
    const auto sent = to.send(bytes, 0, until);
    if (!sent && !is_injected(sent.error())) return std::unexpected(sent.error());
    if (sent) bytes = bytes.subspan(*sent);
  }
  return {};
}

// What comes until the end of the stream.
result<std::string> receive_all(descriptor& from, deadline until) {
  std::string all;
  char buffer[100];
  for (;;) {
    const auto got = from.recv(bytes_of(buffer), 0, until);
    if (!got && !is_injected(got.error())) return std::unexpected(got.error());
    if (got && *got == 0) return all;
    if (got) all.append(buffer, *got);
  }
}

TEST_P(FaultyIo, streams_arrive_whole) {
  run(2, [] {
    constexpr int streams = 20;
    wait_group all;
    all.add(streams * 2);
    std::vector<std::pair<descriptor, descriptor>> ends;
    for (int i = 0; i < streams; ++i) {
      auto [near, far] = tcp_pair();
      ends.emplace_back(descriptor{near.release()}, descriptor{far.release()});
    }
    for (int i = 0; i < streams; ++i) {
      std::string text(5000, ' ');
      for (std::size_t at = 0; at < text.size(); ++at)
        text[at] = static_cast<char>('a' + (at * 7 + static_cast<std::size_t>(i)) % 26);
      auto& [near, far] = ends[static_cast<std::size_t>(i)];
      go([&all, &near, text] {
        for (std::size_t at = 0; at < text.size(); at += 100)
          EXPECT_TRUE(send_all(near, std::as_bytes(std::span{text}).subspan(at, 100), deadline{20s}));
        EXPECT_TRUE(near.shutdown(SHUT_WR));
        all.done();
      });
      go([&all, &far, text] {
        const auto got = receive_all(far, deadline{20s});
        EXPECT_TRUE(got) << got.error().message();
        EXPECT_EQ(got.value_or(""), text);
        all.done();
      });
    }
    ASSERT_TRUE(all.wait(deadline{30s}));
  });
  EXPECT_GT(counted.injected, 100u);
}

// As leases, some of which are kept for a while; what finds no buffer, or a fault in its place, comes in own
// memory.
TEST_P(FaultyIo, leased_streams_arrive_whole) {
  run(1, [] {
    constexpr int streams = 10;
    std::vector<task<void>> readers;
    std::vector<std::pair<descriptor, descriptor>> ends;
    for (int i = 0; i < streams; ++i) {
      auto [near, far] = tcp_pair();
      ends.emplace_back(descriptor{near.release()}, descriptor{far.release()});
    }
    std::atomic<int> leased{0};
    std::atomic<int> own{0};
    for (auto& [near, far] : ends) {
      readers.push_back(spawn([&near] {
        for (int n = 0; n < 100; ++n) EXPECT_TRUE(send_all(near, bytes_of_text("0123456789"), deadline{20s}));
        EXPECT_TRUE(near.shutdown(SHUT_WR));
      }));
      readers.push_back(spawn([&far, &leased, &own] {
        std::string all;
        io::lessee me;
        std::deque<io::leased_bytes> kept;
        for (;;) {
          char memory[30];
          auto got = far.recv_leased(me, [&] { return bytes_of(memory); }, deadline{20s});
          if (!got && is_injected(got.error())) continue;
          ASSERT_TRUE(got) << got.error().message();
          if (got->empty()) break;
          all.append(reinterpret_cast<const char*>(got->bytes().data()), got->size());
          ++(got->leased() ? leased : own);
          if (got->leased()) kept.push_back(std::move(*got));
          if (kept.size() > 1) kept.pop_front();
        }
        EXPECT_EQ(all.size(), 1000u);
        for (std::size_t at = 0; at < all.size(); ++at) ASSERT_EQ(all[at], static_cast<char>('0' + at % 10));
      }));
    }
    for (auto& t : readers) t.join();
    EXPECT_GT(leased, 0);
    EXPECT_GT(own, 0);
    provided_buffers& buffers = *worker::current()->io().buffers();
    EXPECT_EQ(buffers.stats().in_use, 0u);
  });
}

// More waits than the ring takes: they get in as others end, in whatever order the bytes come.
TEST_P(FaultyIo, a_full_ring_keeps_operations_waiting_and_loses_none) {
  in_kernel_max = 4;
  constexpr int streams = 16;
  std::vector<descriptor> near;
  std::vector<owned_fd> far;
  for (int i = 0; i < streams; ++i) {
    auto [one, other] = tcp_pair();
    near.emplace_back(one.release());
    far.push_back(std::move(other));
  }
  std::atomic<int> waiting{0};
  std::thread sender{[&] {
    while (waiting < streams) std::this_thread::yield();
    for (int i = 0; i < streams; ++i) {
      EXPECT_EQ(::send(far[static_cast<std::size_t>(i)], "12345678", 8, 0), 8);
      EXPECT_EQ(::shutdown(far[static_cast<std::size_t>(i)], SHUT_WR), 0);
    }
  }};
  run(1, [&] {
    wait_group all;
    for (descriptor& stream : near) {
      all.add();
      go([&] {
        ++waiting;
        const auto got = receive_all(stream, deadline{20s});
        EXPECT_TRUE(got) << got.error().message();
        EXPECT_EQ(got.value_or(""), "12345678");
        all.done();
      });
    }
    EXPECT_TRUE(all.wait(deadline{30s}));
  });
  sender.join();
  EXPECT_GT(counted.kept_waiting, 0u);
}

TEST_P(FaultyIo, deadlines_end_what_waits_for_room_in_the_ring) {
  in_kernel_max = 2;
  run(1, [] {
    wait_group all;
    for (int i = 0; i < 8; ++i) {
      all.add();
      go([&all] {
        auto [near, far] = tcp_pair();
        descriptor stream{near.release()};
        const deadline until{std::chrono::milliseconds{2}};
        const auto got = receive_all(stream, until);
        EXPECT_EQ(got.error(), errc::deadline_exceeded);
        EXPECT_GE(steady_ns(), until.at);
        all.done();
      });
    }
    EXPECT_TRUE(all.wait(deadline{20s}));
  });
  EXPECT_GT(counted.kept_waiting, 0u);
}

TEST_P(FaultyIo, deadlines_end_every_wait_and_never_early) {
  run(1, [] {
    auto [near, far] = tcp_pair();
    descriptor stream{near.release()};
    for (int i = 0; i < 50; ++i) {
      char byte[1];
      const deadline until{std::chrono::microseconds{200}};
      const auto got = stream.recv(bytes_of(byte), 0, until);
      ASSERT_FALSE(got);
      ASSERT_TRUE(got.error() == errc::deadline_exceeded || is_injected(got.error()))
          << got.error().message();
      ASSERT_TRUE(is_injected(got.error()) || steady_ns() >= until.at);
    }
  });
  EXPECT_GT(counted.injected, 0u);
}

TEST_P(FaultyIo, close_ends_every_wait) {
  run(2, [] {
    for (int round = 0; round < 100; ++round) {
      auto [near, far] = tcp_pair();
      descriptor stream{near.release()};
      wait_group all;
      all.add(3);
      for (int i = 0; i < 3; ++i) {
        go([&] {
          const auto got = receive_all(stream, deadline{20s});
          EXPECT_EQ(got.error(), errc::closed);
          all.done();
        });
      }
      for (int i = 0; i < round % 10; ++i) this_fiber::yield();
      stream.close();
      ASSERT_TRUE(all.wait(deadline{20s})) << "round " << round;
    }
  });
  EXPECT_GT(counted.injected, 0u);
}

}  // namespace
}  // namespace weft::detail

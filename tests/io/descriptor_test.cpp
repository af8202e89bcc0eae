// A descriptor used by several fibers: turns in order, both directions at once, and close() racing all of
// them.
#include "fiber_fixture.hpp"

#include <poll.h>

#include <cstdio>

#include <build_kind.hpp>
#include <weft/io/descriptor.hpp>
#include <weft/runtime/wait_group.hpp>

namespace weft::detail {
namespace {

class Descriptor : public OnFibers {};
INSTANTIATE_TEST_SUITE_P(backends, Descriptor, testing::Values(backend::uring, backend::epoll), backend_name);

struct descriptor_pair {
  descriptor near, far;
};

descriptor_pair tcp_descriptors() {
  auto [near, far] = tcp_pair();
  return {descriptor{near.release()}, descriptor{far.release()}};
}

std::span<const std::byte> text(std::string_view s) { return std::as_bytes(std::span{s}); }

void let_others_run() {
  for (int i = 0; i < 10; ++i) this_fiber::yield();
}

TEST_P(Descriptor, one_reads_while_another_writes) {
  run(2, [] {
    auto [near, far] = tcp_descriptors();
    auto reader = spawn([&] {
      char buffer[8];
      EXPECT_EQ(near.recv(bytes_of(buffer)).value(), 4u);
    });
    let_others_run();
    EXPECT_EQ(near.send(text("ping")).value(), 4u);
    char buffer[8];
    EXPECT_EQ(far.recv(bytes_of(buffer)).value(), 4u);
    EXPECT_EQ(far.send(text("pong")).value(), 4u);
    reader.join();
  });
}

TEST_P(Descriptor, readers_take_turns_in_their_order) {
  run(1, [] {
    auto [near, far] = tcp_descriptors();
    std::string order;
    std::vector<task<void>> readers;
    for (char name = 'a'; name < 'f'; ++name) {
      readers.push_back(spawn([&, name] {
        char byte[1];
        EXPECT_EQ(near.recv(bytes_of(byte)).value(), 1u);
        order += name;
        order += byte[0];
      }));
      let_others_run();
    }
    EXPECT_EQ(far.send(text("12345")).value(), 5u);
    for (auto& r : readers) r.join();
    EXPECT_EQ(order, "a1b2c3d4e5");
  });
}

TEST_P(Descriptor, who_gives_up_waiting_for_its_turn_leaves_no_trace) {
  run(1, [] {
    auto [near, far] = tcp_descriptors();
    auto first = spawn([&] {
      char byte[1];
      EXPECT_EQ(near.recv(bytes_of(byte)).value(), 1u);
    });
    let_others_run();
    auto stopped = spawn([&] {
      char byte[1];
      EXPECT_EQ(near.recv(bytes_of(byte)).error(), errc::canceled);
    });
    let_others_run();
    char byte[1];
    EXPECT_EQ(near.recv(bytes_of(byte), 0, deadline{2ms}).error(), errc::deadline_exceeded);
    stopped.request_stop();
    stopped.join();
    EXPECT_EQ(far.send(text("xy")).value(), 2u);
    first.join();
    EXPECT_EQ(near.recv(bytes_of(byte)).value(), 1u);
  });
}

TEST_P(Descriptor, close_ends_what_others_do_with_it) {
  for (const unsigned workers : {1u, 3u}) {
    run(workers, [] {
      auto [near, far] = tcp_descriptors();
      std::vector<task<void>> tasks;
      for (int i = 0; i < 3; ++i) {  // one in flight, two that wait for their turn
        tasks.push_back(spawn([&] {
          char byte[1];
          EXPECT_EQ(near.recv(bytes_of(byte)).error(), errc::closed);
          EXPECT_EQ(near.recv(bytes_of(byte)).error(), errc::closed);
        }));
      }
      tasks.push_back(spawn([&] {
        const std::string much(4 << 20, 'm');
        result<std::size_t> sent;
        while ((sent = near.send(text(much)))) {}
        EXPECT_EQ(sent.error(), errc::closed);
      }));
      (void)this_fiber::sleep_for(2ms);
      near.close();
      EXPECT_EQ(near.native_handle(), -1);
      for (auto& t : tasks) t.join();
      near.close();
    });
  }
}

TEST_P(Descriptor, close_ends_an_accept_and_a_poll) {
  run(2, [] {
    sockaddr_in address;
    descriptor listener{listening_socket(address).release()};
    auto acceptor = spawn([&] { EXPECT_EQ(listener.accept(SOCK_CLOEXEC).error(), errc::closed); });
    auto [near, far] = tcp_descriptors();
    auto watcher = spawn([&] { EXPECT_EQ(near.poll(POLLIN).error(), errc::closed); });
    (void)this_fiber::sleep_for(1ms);
    listener.close();
    near.close();
    acceptor.join();
    watcher.join();
  });
}

TEST_P(Descriptor, every_close_returns_only_when_it_is_closed) {
  run(2, [] {
    for (int round = 0; round < 200; ++round) {
      auto [near, far] = tcp_descriptors();
      auto reader = spawn([&] {
        char byte[1];
        EXPECT_EQ(near.recv(bytes_of(byte)).error(), errc::closed);
      });
      for (int i = 0; i < round % 7; ++i) this_fiber::yield();
      std::vector<task<void>> closers;
      for (int i = 0; i < 3; ++i) {
        closers.push_back(spawn([&] {
          near.close();
          EXPECT_EQ(near.native_handle(), -1);
        }));
      }
      for (auto& c : closers) c.join();
      reader.join();
    }
  });
}

TEST_P(Descriptor, the_peer_of_a_closed_one_sees_the_end) {
  run(1, [] {
    auto [near, far] = tcp_descriptors();
    auto reader = spawn([&] {
      char byte[1];
      EXPECT_EQ(near.recv(bytes_of(byte)).error(), errc::closed);
    });
    let_others_run();
    near.close();
    char byte[1];
    EXPECT_EQ(far.recv(bytes_of(byte)).value(), 0u);
    reader.join();
  });
}

TEST_P(Descriptor, a_default_one_and_a_closed_one_fail_with_closed) {
  run(1, [] {
    descriptor none;
    char byte[1];
    EXPECT_EQ(none.recv(bytes_of(byte)).error(), errc::closed);
    EXPECT_EQ(none.send(text("x")).error(), errc::closed);
    EXPECT_EQ(none.shutdown(SHUT_WR).error(), errc::closed);
    none.close();
  });
}

TEST_P(Descriptor, moves_while_nobody_uses_it) {
  run(1, [] {
    auto [near, far] = tcp_descriptors();
    const int fd = near.native_handle();
    descriptor moved{std::move(near)};
    EXPECT_EQ(moved.native_handle(), fd);
    EXPECT_EQ(near.native_handle(), -1);
    near = std::move(moved);
    EXPECT_EQ(near.send(text("x")).value(), 1u);
    char byte[1];
    EXPECT_EQ(far.recv(bytes_of(byte)).value(), 1u);
    far = descriptor{};
    EXPECT_EQ(near.recv(bytes_of(byte)).value(), 0u);
  });
}

TEST_P(Descriptor, a_recv_that_filled_its_buffer_is_followed_by_one_without_a_park) {
  run(1, [] {
    auto [near, far] = tcp_descriptors();
    EXPECT_EQ(far.send(text("abcdef")).value(), 6u);
    char pair[2];
    EXPECT_EQ(near.recv(bytes_of(pair)).value(), 2u);
    const std::uint64_t before = worker::current()->io().counters().submitted;
    EXPECT_EQ(near.recv(bytes_of(pair)).value(), 2u);
    EXPECT_EQ(near.recv(bytes_of(pair)).value(), 2u);
    EXPECT_EQ(worker::current()->io().counters().submitted, before);
    // and when there is nothing more, it waits like any other
    EXPECT_EQ(near.recv(bytes_of(pair), 0, deadline{1ms}).error(), errc::deadline_exceeded);
  });
}

TEST_P(Descriptor, a_fiber_whose_data_is_always_there_lets_others_run) {
  run(1, [] {
    auto [near, far] = tcp_descriptors();
    const std::string much(4096, 'm');
    EXPECT_EQ(far.send(text(much)).value(), much.size());
    int others = 0;
    auto other = spawn([&] {
      for (;; ++others) {
        if (this_fiber::stop_requested()) return;
        this_fiber::yield();
      }
    });
    char byte[1];
    for (int i = 0; i < 10; ++i) EXPECT_EQ(near.recv(bytes_of(byte)).value(), 1u);
    const int before = others;
    for (int i = 0; i < 1024; ++i) EXPECT_EQ(near.recv(bytes_of(byte)).value(), 1u);
    EXPECT_GE(others, before + 7);
    other.request_stop();
    other.join();
  });
}

// --- how much of a fiber's stack it takes

constexpr std::size_t painted = 3072;
constexpr unsigned char paint = 0xa5;

// The bytes below its caller's frame; the next call of the same caller will use them.
[[gnu::noinline]] void paint_below() {
  unsigned char area[painted];
  for (std::size_t i = 0; i < painted; ++i) area[i] = paint;
  asm volatile("" : : "r"(area) : "memory");
}

// How many of them, from the top, have been written to since.
[[gnu::noinline]] std::size_t used_below() {
  unsigned char area[painted];
  asm volatile("" : : "r"(area) : "memory");  // as somebody else has left it
  std::size_t untouched = 0;
  while (untouched < painted && area[untouched] == paint) ++untouched;
  return painted - untouched;
}

TEST_P(Descriptor, waiting_takes_at_most_512_bytes_of_the_fibers_stack) {
  if (!weft_test::optimized)
    GTEST_SKIP() << "what is meant is an optimized build; sanitizers use the stack too";
  run(1, [] {
    auto [near, far] = tcp_descriptors();
    char byte[1];
    for (int i = 0; i < 2; ++i) {  // the first round also binds what is bound late
      paint_below();
      (void)near.recv(bytes_of(byte), 0, deadline{1ms});
      const std::size_t recv_took = used_below();
      (void)far.send(text("x"));
      (void)near.recv(bytes_of(byte));
      paint_below();
      (void)far.send(text("x"), 0, deadline{1s});
      const std::size_t send_took = used_below();
      (void)near.recv(bytes_of(byte));
      RecordProperty("recv_bytes", static_cast<int>(recv_took));
      RecordProperty("send_bytes", static_cast<int>(send_took));
      std::printf("stack bytes: recv with a deadline %zu, send with a deadline %zu\n", recv_took, send_took);
      if (i == 0) continue;
      EXPECT_LE(recv_took, 512u);
      EXPECT_LE(send_took, 512u);
    }
  });
}

TEST_P(Descriptor, a_foreign_thread_may_close_it_and_be_closed_upon) {
  auto [near, far] = tcp_descriptors();
  std::thread reader{[&] {
    char byte[1];
    EXPECT_EQ(near.recv(bytes_of(byte)).error(), errc::closed);
  }};
  std::this_thread::sleep_for(2ms);  // real time: the other thread must be asleep by then
  near.close();
  reader.join();
  options o;
  o.workers = 1;
  runtime rt{o};
  auto fiber_reader = rt.spawn([&] {
    char byte[1];
    EXPECT_EQ(far.recv(bytes_of(byte)).value(), 0u);  // near's end
    auto [a, b] = tcp_descriptors();
    std::thread closer{[&] {
      std::this_thread::sleep_for(2ms);  // real time: the other thread must be asleep by then
      a.close();
    }};
    EXPECT_EQ(a.recv(bytes_of(byte)).error(), errc::closed);
    closer.join();
  });
  fiber_reader.join();
  EXPECT_TRUE(rt.stop());
}

// Readers, writers and a closer on several workers, at once, again and again.
TEST_P(Descriptor, close_races_everything_without_harm) {
  run(3, [] {
    for (int round = 0; round < 300; ++round) {
      auto [near, far] = tcp_descriptors();
      wait_group all;
      const auto start = [&all](auto f) {
        all.add(1);
        go([&all, f] {
          f();
          all.done();
        });
      };
      for (int i = 0; i < 2; ++i) {
        start([&] {
          char buffer[64];
          for (;;) {
            const auto r = near.recv(bytes_of(buffer), 0, deadline{std::chrono::microseconds{200}});
            if (!r && r.error() != errc::deadline_exceeded) break;
            if (r && *r == 0) break;
          }
        });
        start([&] {
          while (near.send(text("0123456789abcdef"))) this_fiber::yield();
        });
      }
      start([&] {
        char buffer[256];
        while (far.recv(bytes_of(buffer)).value_or(0) != 0) {}
      });
      start([&, round] {
        for (int i = 0; i < round % 20; ++i) this_fiber::yield();
        near.close();
      });
      start([&] { near.close(); });
      ASSERT_TRUE(all.wait(deadline{10s})) << "round " << round;
    }
  });
}

}  // namespace
}  // namespace weft::detail

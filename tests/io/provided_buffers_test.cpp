// Receiving into the poller's own buffers: none is taken before data has come, every one comes back, and who
// finds none loses nothing. Each test runs where the kernel chooses the buffer and where it does not.
#include "poller_fixture.hpp"

#include <cstring>
#include <set>
#include <thread>

#include <weft/io/provided_buffers.hpp>

#if WEFT_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace weft::detail {
namespace {

constexpr unsigned few = 4;

struct provided : heard {
  explicit provided(int fd_) : heard{operation_code::recv_provided, fd_} {
    length = provided_buffers::buffer_bytes;
    hint = operation_hint::not_ready;
  }
  std::byte* buffer() const { return static_cast<std::byte*>(address); }
  std::string text() const {
    return last() > 0 ? std::string(reinterpret_cast<const char*>(buffer()), static_cast<std::size_t>(last()))
                      : std::string{};
  }
};

class ProvidedBuffers : public Poller {
 protected:
  /// Calls f with every way in which this backend finds a buffer, on a poller with `count` of them.
  template <class F>
  void in_each_way(unsigned count, F f) {
    for (const bool ring : {true, false}) {
      if (!ring && !is_uring()) continue;
      SCOPED_TRACE(ring ? "chosen by the kernel, if it can" : "not chosen by the kernel");
      open({.receive_buffers = count, .buffer_ring = ring});
      ASSERT_NE(io, nullptr);
      f();
      if (io != nullptr) {
        EXPECT_EQ(in_use(), 0u) << "a buffer was lost";
      }
    }
  }
  provided_buffers& buffers() { return *io->buffers(); }
  std::size_t in_use() { return buffers().stats().in_use; }

  /// Holds them all at once, which shows that all are there; gives them back.
  void expect_all_there() {
    std::vector<fd_pair> sockets;
    std::vector<std::unique_ptr<provided>> ops;
    std::set<std::byte*> seen;
    for (unsigned i = 0; i < buffers().count(); ++i) {
      auto& [near, far] = sockets.emplace_back(socket_pair());
      ASSERT_EQ(::send(far, "x", 1, 0), 1);
      provided& op = *ops.emplace_back(std::make_unique<provided>(near));
      ASSERT_EQ(run(op), 1);
      EXPECT_TRUE(seen.insert(op.buffer()).second) << "one buffer for two";
    }
    for (const auto& op : ops) buffers().give(op->buffer());
  }
};

WEFT_BOTH_BACKENDS(ProvidedBuffers);

TEST_P(ProvidedBuffers, none_is_taken_before_data_has_come) {
  in_each_way(few, [&] {
    std::vector<fd_pair> sockets;
    std::vector<std::unique_ptr<provided>> ops;
    for (unsigned i = 0; i < 5 * few; ++i) {
      sockets.push_back(socket_pair());
      io->submit(*ops.emplace_back(std::make_unique<provided>(sockets.back().near)));
    }
    turn_some();
    EXPECT_EQ(in_use(), 0u);
    for (unsigned i = 0; i < 5 * few; ++i) {
      const std::string text = "text " + std::to_string(i);
      ASSERT_EQ(::send(sockets[i].far, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
      finish(*ops[i]);
      EXPECT_EQ(ops[i]->text(), text);
      EXPECT_EQ(in_use(), 1u);
      buffers().give(ops[i]->buffer());
      EXPECT_EQ(in_use(), 0u);
    }
  });
}

TEST_P(ProvidedBuffers, data_that_is_there_already_is_received) {
  in_each_way(few, [&] {
    for (const auto hint : {operation_hint::none, operation_hint::not_ready}) {
      auto [near, far] = tcp_pair();
      ASSERT_EQ(::send(far, "here", 4, 0), 4);
      provided op{near};
      op.hint = hint;
      ASSERT_EQ(run(op), 4);
      EXPECT_EQ(op.text(), "here");
      buffers().give(op.buffer());
    }
  });
}

TEST_P(ProvidedBuffers, more_than_a_buffer_holds_stays_where_it_is) {
  in_each_way(few, [&] {
    auto [near, far] = tcp_pair();
    const std::string text(provided_buffers::buffer_bytes + 10, 'm');
    ASSERT_EQ(::send(far, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    std::size_t got = 0;
    while (got < text.size()) {
      provided op{near};
      ASSERT_GT(run(op), 0);
      EXPECT_LE(static_cast<std::size_t>(op.last()), provided_buffers::buffer_bytes);
      got += op.text().size();
      buffers().give(op.buffer());
    }
    EXPECT_EQ(got, text.size());
  });
}

TEST_P(ProvidedBuffers, neither_an_end_nor_an_error_keeps_one) {
  in_each_way(few, [&] {
    for (int round = 0; round < 20; ++round) {
      auto [near, far] = tcp_pair();
      provided op{near};
      io->submit(op);
      turn_some();
      if (round % 2 != 0) reset_on_close(far);
      far.reset();
      finish(op);
      EXPECT_EQ(op.last(), round % 2 != 0 ? -ECONNRESET : 0);
      EXPECT_EQ(in_use(), 0u);
    }
    provided bad{-1};
    EXPECT_EQ(run(bad), -EBADF);
    expect_all_there();
  });
}

TEST_P(ProvidedBuffers, who_finds_none_loses_nothing) {
  in_each_way(few, [&] {
    std::vector<fd_pair> sockets;
    std::vector<std::unique_ptr<provided>> ops;
    for (unsigned i = 0; i < few + 2; ++i) {
      sockets.push_back(socket_pair());
      io->submit(*ops.emplace_back(std::make_unique<provided>(sockets.back().near)));
    }
    turn_some();
    for (const fd_pair& s : sockets) ASSERT_EQ(::send(s.far, "12345", 5, 0), 5);
    turn_until([&] { return io->in_flight() == 0; });
    unsigned refused = 0;
    for (unsigned i = 0; i < few + 2; ++i) {
      if (ops[i]->last() == -ENOBUFS) {
        ++refused;
        char own[8];
        EXPECT_EQ(::recv(sockets[i].near, own, sizeof own, MSG_DONTWAIT), 5);
      } else {
        EXPECT_EQ(ops[i]->text(), "12345");
      }
    }
    EXPECT_EQ(refused, 2u);
    EXPECT_EQ(buffers().stats().refused, 2u);
    EXPECT_EQ(in_use(), few);
    // While all are out, a receive still waits for data before it fails.
    provided late{sockets[0].near};
    io->submit(late);
    turn_some();
    EXPECT_FALSE(late.done);
    ASSERT_EQ(::send(sockets[0].far, "x", 1, 0), 1);
    finish(late);
    EXPECT_EQ(late.last(), -ENOBUFS);
    for (const auto& op : ops)
      if (op->last() > 0) buffers().give(op->buffer());
    provided again{sockets[0].near};
    ASSERT_EQ(run(again), 1);
    buffers().give(again.buffer());
    expect_all_there();
  });
}

TEST_P(ProvidedBuffers, a_cancel_at_any_moment_keeps_none_and_loses_no_byte) {
  in_each_way(few, [&] {
    auto [near, far] = tcp_pair();
    int cancelled = 0;
    for (int round = 0; round < 400; ++round) {
      provided op{near};
      io->submit(op);
      if (round % 2 != 0) io->turn(deadline::past());
      if (round % 3 != 0) {
        ASSERT_EQ(::send(far, "x", 1, 0), 1);
      }
      if (round % 5 == 0) io->turn(deadline::past());
      if (!op.done) io->cancel(op);
      finish(op);
      ASSERT_TRUE(op.last() == 1 || op.last() == -ECANCELED) << op.last();
      cancelled += op.last() < 0;
      if (op.last() > 0) {
        buffers().give(op.buffer());
      } else if (round % 3 != 0) {
        char byte = 0;
        ASSERT_EQ(::recv(near, &byte, 1, 0), 1);
        ASSERT_EQ(byte, 'x');
      }
    }
    EXPECT_GT(cancelled, 0);
    expect_all_there();
  });
}

TEST_P(ProvidedBuffers, those_that_come_back_from_other_threads_are_used_again) {
  in_each_way(few, [&] {
    auto [near, far] = tcp_pair();
    for (int round = 0; round < 10; ++round) {
      std::vector<std::byte*> out;
      for (unsigned i = 0; i < few; ++i) {
        ASSERT_EQ(::send(far, "x", 1, 0), 1);
        provided op{near};
        ASSERT_EQ(run(op), 1);
        out.push_back(op.buffer());
      }
      std::thread other{[&] {
        for (std::byte* const b : out) buffers().give_from_elsewhere(b);
      }};
      other.join();
    }
    buffers().collect();
  });
}

TEST_P(ProvidedBuffers, one_may_outlive_its_poller) {
  in_each_way(few, [&] {
    auto [near, far] = tcp_pair();
    std::vector<provided> ops;
    for (int i = 0; i < 2; ++i) {
      ASSERT_EQ(::send(far, "kept", 4, 0), 4);
      ASSERT_EQ(run(ops.emplace_back(near)), 4);
    }
    provided_buffers& left = buffers();
    left.give_from_elsewhere(ops[0].buffer());
    io.reset();
    EXPECT_EQ(ops[1].text(), "kept");
    left.give_from_elsewhere(ops[1].buffer());  // and the memory goes: AddressSanitizer sees if it does not
  });
}

TEST_P(ProvidedBuffers, there_may_be_none_at_all) {
  open({.receive_buffers = 0});
  EXPECT_EQ(io->buffers(), nullptr);
  auto [near, far] = tcp_pair();
  ASSERT_EQ(::send(far, "x", 1, 0), 1);
  provided op{near};
  EXPECT_EQ(run(op), -ENOBUFS);
}

TEST_P(ProvidedBuffers, are_a_pool_of_the_process) {
  open({.receive_buffers = few});
  unsigned pools = 0;
  for_each_pool([&](std::string_view name, const pool_stats& s) {
    if (name != "receive buffers") return;
    ++pools;
    EXPECT_EQ(s.limit, few);
    EXPECT_EQ(s.in_use, 0u);
  });
  EXPECT_EQ(pools, 1u);
}

#if WEFT_ASAN
TEST_P(ProvidedBuffers, are_poisoned_but_for_what_was_received) {
  in_each_way(few, [&] {
    auto [near, far] = tcp_pair();
    ASSERT_EQ(::send(far, "12345678", 8, 0), 8);
    provided op{near};
    ASSERT_EQ(run(op), 8);
    EXPECT_FALSE(__asan_address_is_poisoned(op.buffer()));
    EXPECT_FALSE(__asan_address_is_poisoned(op.buffer() + 7));
    EXPECT_TRUE(__asan_address_is_poisoned(op.buffer() + 8));
    buffers().give(op.buffer());
    EXPECT_TRUE(__asan_address_is_poisoned(op.buffer()));
  });
}
#endif

}  // namespace
}  // namespace weft::detail

// The fault-injecting poller keeps the contract of a poller, and what is written for faults survives it.
#include "poller_fixture.hpp"

#include <algorithm>
#include <deque>

#include <poll.h>
#include <faulty_poller.hpp>

namespace weft::detail {
namespace {

class FaultyPoller : public Poller {
 protected:
  void inject(const faults& chances) {
    auto wrapped = std::make_unique<faulty_poller>(std::move(io), chances);
    faulty = wrapped.get();
    io = std::move(wrapped);
  }

  faulty_poller* faulty = nullptr;
};

INSTANTIATE_TEST_SUITE_P(backends, FaultyPoller, testing::Values(backend::uring, backend::epoll),
                         backend_name);

// A stream that goes through short counts, errors and late completions arrives whole and in order.
TEST_P(FaultyPoller, a_stream_survives_every_fault) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    if (seed > 1) open({});
    inject({.seed = seed,
            .short_count = 500,
            .interrupted = 100,
            .out_of_buffers = 100,
            .late = 300,
            .in_kernel_max = 2});
    auto [near, far] = tcp_pair();
    std::string text(20'000, ' ');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + (i * 7 + seed) % 26);
    std::string received(text.size(), '?');
    std::size_t sent = 0, taken = 0;
    const auto next = [](std::string& of, std::size_t from) {
      return std::span{of}.subspan(from, std::min<std::size_t>(100, of.size() - from));
    };
    const auto retried = [](int result) { return result == -EINTR || result == -ENOBUFS; };
    heard out{operation_code::send, near, next(text, 0)};
    out.then = [&](heard& me) {
      ASSERT_TRUE(me.last() > 0 || retried(me.last())) << me.last();
      if (me.last() > 0) sent += static_cast<std::size_t>(me.last());
      me.done = false;
      me.set_buffer(next(text, sent));
      if (sent < text.size()) io->submit(me);
    };
    heard in{operation_code::recv, far, next(received, 0)};
    in.then = [&](heard& me) {
      ASSERT_TRUE(me.last() > 0 || retried(me.last())) << me.last();
      if (me.last() > 0) taken += static_cast<std::size_t>(me.last());
      me.done = false;
      me.set_buffer(next(received, taken));
      if (taken < received.size()) io->submit(me);
    };
    io->submit(out);
    io->submit(in);
    turn_until([&] { return taken == text.size(); });
    ASSERT_EQ(received, text) << "seed " << seed;
    ASSERT_GT(faulty->injected(), 50u);
  }
}

TEST_P(FaultyPoller, completions_of_accept_many_keep_their_order_when_late) {
  inject({.seed = 7, .late = 700});
  sockaddr_in address;
  const owned_fd listener = listening_socket(address);
  heard op{operation_code::accept_many, listener};
  io->submit(op);
  std::vector<owned_fd> clients, accepted;
  for (int i = 0; i < 20; ++i) clients.push_back(connect_to(address));
  turn_until([&] { return op.results.size() == 20; });
  io->cancel(op);
  finish(op);
  EXPECT_EQ(op.last(), -ECANCELED);
  op.results.pop_back();
  EXPECT_TRUE(std::is_sorted(op.results.begin(), op.results.end()));
  for (const int fd : op.results) accepted.emplace_back(fd);
  extra_completions = 20;
}

TEST_P(FaultyPoller, a_cancelled_operation_still_ends_exactly_once) {
  inject({.seed = 3, .short_count = 200, .interrupted = 200, .late = 500, .in_kernel_max = 3});
  auto [near, far] = socket_pair();
  char buffer[4];
  std::deque<heard> ops;
  for (int i = 0; i < 300; ++i) {
    io->submit(ops.emplace_back(operation_code::recv, near, buffer));
    EXPECT_EQ(::send(far, "x", i % 5 == 0 ? 1 : 0, 0), i % 5 == 0 ? 1 : 0);
    if (i % 7 == 0) io->turn(deadline::past());
    heard& victim = ops[static_cast<std::size_t>(i) / 2];
    if (!victim.done) io->cancel(victim);
  }
  for (heard& op : ops)
    if (!op.done) io->cancel(op);
  turn_until([&] { return io->in_flight() == 0; });
  for (const heard& op : ops) EXPECT_EQ(op.results.size(), 1u);
}

TEST_P(FaultyPoller, sleeps_and_is_woken_like_any_other) {
  inject({.seed = 1, .late = 1000});
  const deadline until{5ms};
  io->turn(until);
  EXPECT_GE(steady_ns(), until.at);
  io->notify();
  io->turn(deadline::never());
}

}  // namespace
}  // namespace weft::detail

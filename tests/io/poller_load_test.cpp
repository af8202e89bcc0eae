// More than fits: full submission queue, overflowing completion queue, thousands in flight, several pollers.
#include "poller_fixture.hpp"

#include <algorithm>
#include <deque>
#include <thread>

#include <poll.h>
#include <sys/eventfd.h>

namespace weft::detail {
namespace {

constexpr poller_options tiny{.queue_depth = 4};

TEST_P(Poller, thousands_in_flight_all_complete) {
  constexpr std::size_t pairs = 2000;
  std::vector<fd_pair> sockets;
  std::vector<char> bytes(pairs);
  std::deque<heard> ops;
  for (std::size_t i = 0; i < pairs; ++i) {
    sockets.push_back(socket_pair());
    io->submit(ops.emplace_back(operation_code::recv, sockets[i].near, std::span<char>{&bytes[i], 1}));
  }
  turn_some();
  EXPECT_EQ(io->in_flight(), pairs);
  for (const fd_pair& pair : sockets) ASSERT_EQ(::send(pair.far, "x", 1, 0), 1);
  turn_until([&] { return io->in_flight() == 0; });
  for (const heard& op : ops) EXPECT_EQ(op.results, std::vector{1});
}

TEST_P(Poller, thousands_in_flight_can_all_be_cancelled) {
  auto [near, far] = socket_pair();
  char byte[1];
  std::deque<heard> ops;
  for (int i = 0; i < 3000; ++i) io->submit(ops.emplace_back(operation_code::recv, near, byte));
  turn_some();
  for (heard& op : ops) io->cancel(op);
  turn_until([&] { return io->in_flight() == 0; });
  for (const heard& op : ops) EXPECT_EQ(op.results, std::vector{-ECANCELED});
}

TEST_P(Poller, a_full_submission_queue_refuses_nothing) {
  open(tiny);
  auto [near, far] = socket_pair();
  std::deque<heard> ops;
  for (int i = 0; i < 1000; ++i) {
    heard& op = ops.emplace_back(operation_code::poll, near);
    op.flags = POLLOUT;
    io->submit(op);
    ASSERT_FALSE(op.done) << "completed inside submit()";
  }
  turn_until([&] { return io->in_flight() == 0; });
  for (const heard& op : ops) EXPECT_EQ(op.results, std::vector{POLLOUT});
}

TEST_P(Poller, an_overflowing_completion_queue_loses_nothing) {
  open(tiny);
  constexpr std::size_t pairs = 500;
  std::vector<fd_pair> sockets;
  std::vector<char> bytes(pairs);
  std::deque<heard> ops;
  for (std::size_t i = 0; i < pairs; ++i) {
    sockets.push_back(socket_pair());
    io->submit(ops.emplace_back(operation_code::recv, sockets[i].near, std::span<char>{&bytes[i], 1}));
  }
  for (int round = 0; round < 3; ++round) {
    turn_some();
    for (const fd_pair& pair : sockets) ASSERT_EQ(::send(pair.far, "x", 1, 0), 1);
    turn_until([&] { return io->in_flight() == 0; });
    for (heard& op : ops) {
      ASSERT_EQ(op.results, std::vector{1});
      op.results.clear();
      op.done = false;
      if (round < 2) io->submit(op);
    }
  }
}

TEST_P(Poller, accept_many_survives_an_overflowing_completion_queue) {
  open(tiny);
  sockaddr_in address;
  const owned_fd listener = listening_socket(address, 512);
  heard op{operation_code::accept_many, listener};
  io->submit(op);
  turn_some();
  std::vector<owned_fd> clients, accepted;
  for (int i = 0; i < 400; ++i) clients.push_back(connect_to(address));
  turn_until([&] { return op.results.size() == 400; });
  ASSERT_FALSE(op.done);
  for (const int fd : op.results) accepted.emplace_back(fd);
  extra_completions = 400;
  io->cancel(op);
  finish(op);
  EXPECT_EQ(op.last(), -ECANCELED);
}

TEST_P(Poller, cancel_with_a_full_queue_is_not_forgotten) {
  open(tiny);
  auto [near, far] = socket_pair();
  char byte[1];
  std::deque<heard> ops;
  for (int i = 0; i < 200; ++i) {
    io->submit(ops.emplace_back(operation_code::recv, near, byte));
    if (i % 3 == 0) io->cancel(ops[static_cast<std::size_t>(i) / 2]);
  }
  for (heard& op : ops) io->cancel(op);
  turn_until([&] { return io->in_flight() == 0; });
}

TEST_P(Poller, ready_says_when_a_turn_is_worth_it) {
  turn_some();
  EXPECT_FALSE(io->ready());
  auto [near, far] = socket_pair();
  char byte[1];
  heard op{operation_code::recv, near, byte};
  io->submit(op);
  EXPECT_TRUE(io->ready());
  turn_some();
  EXPECT_FALSE(io->ready());
  ASSERT_EQ(::send(far, "x", 1, 0), 1);
  EXPECT_TRUE(io->ready());
  finish(op);
  EXPECT_FALSE(io->ready());
}

/// One side of many connections that send a byte to and fro.
class players {
 public:
  players(poller& io, bool begins, int rounds) : io_{io}, begins_{begins}, rounds_{rounds} {}

  void add(int fd) {
    player& p = all_.emplace_back(fd, rounds_);
    ++playing_;
    p.out.then = [this, &p](heard& me) { again(me, p.in); };
    p.in.then = [this, &p](heard& me) {
      if (!begins_ && me.last() == 0)
        return static_cast<void>(--playing_);  // the other side has played its rounds
      if (!begins_ || --p.left > 0) return again(me, p.out);
      EXPECT_EQ(::shutdown(p.in.fd, SHUT_WR), 0);
      --playing_;
    };
    io_.submit(begins_ ? p.out : p.in);
  }

  void play() {
    while (playing_ != 0) io_.turn(deadline{1s});
    EXPECT_EQ(io_.in_flight(), 0u);
  }

 private:
  struct player {
    player(int fd, int rounds)
        : left{rounds}, in{operation_code::recv, fd, byte}, out{operation_code::send, fd, byte} {}

    int left;
    char byte[1] = {'b'};
    heard in, out;
  };

  void again(heard& ended, heard& next) {
    EXPECT_EQ(ended.last(), 1);
    next.done = false;
    io_.submit(next);
  }

  poller& io_;
  bool begins_;
  int rounds_;
  std::size_t playing_ = 0;
  std::deque<player> all_;
};

TEST_P(Poller, two_threads_with_a_poller_each_talk_to_each_other) {
  std::vector<fd_pair> sockets;
  for (int i = 0; i < 32; ++i) sockets.push_back(tcp_pair());
  std::thread other{[&] {
    auto made = make_poller({});
    ASSERT_TRUE(made);
    players far{**made, /*begins=*/false, 50};
    for (const fd_pair& pair : sockets) far.add(pair.far);
    far.play();
  }};
  players near{*io, /*begins=*/true, 50};
  for (const fd_pair& pair : sockets) near.add(pair.near);
  near.play();
  other.join();
}

}  // namespace
}  // namespace weft::detail

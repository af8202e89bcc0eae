// Cancelling: every operation that waits ends with ECANCELED, one that has ended keeps its result, none ends
// twice.
#include "poller_fixture.hpp"

#include <poll.h>

namespace weft::detail {
namespace {

TEST_P(Poller, a_waiting_operation_of_each_kind_can_be_cancelled) {
  sockaddr_in address;
  const owned_fd listener = listening_socket(address);
  auto [near, far] = tcp_pair();
  auto [read_end, write_end] = pipe_pair();
  ASSERT_EQ(::fcntl(write_end, F_SETPIPE_SZ, 4096), 4096);
  char buffer[4096] = {};
  ASSERT_EQ(::write(write_end, buffer, sizeof buffer), 4096);
  auto [empty, keeps_it_open] = pipe_pair();
  iovec vector{buffer, sizeof buffer};
  std::vector<std::unique_ptr<heard>> ops;
  const auto add = [&](operation_code code, int fd) -> heard& {
    return *ops.emplace_back(std::make_unique<heard>(code, fd, buffer));
  };
  add(operation_code::recv, near);
  add(operation_code::recv, far).hint = operation_hint::not_ready;
  add(operation_code::read, empty);
  add(operation_code::write, write_end);
  for (const auto code : {operation_code::readv, operation_code::writev}) {
    heard& op = add(code, code == operation_code::readv ? empty : write_end);
    op.address = &vector;
    op.length = 1;
  }
  add(operation_code::poll, near).flags = POLLIN;
  add(operation_code::accept, listener).flags = SOCK_CLOEXEC;
  add(operation_code::accept_many, listener).flags = SOCK_CLOEXEC;
  for (const auto& op : ops) io->submit(*op);
  turn_some();
  for (const auto& op : ops) {
    ASSERT_FALSE(op->done) << static_cast<int>(op->code);
    io->cancel(*op);
    EXPECT_FALSE(op->done) << "completed inside cancel()";
  }
  turn_until([&] { return io->in_flight() == 0; });
  for (const auto& op : ops) EXPECT_EQ(op->results, std::vector{-ECANCELED}) << static_cast<int>(op->code);
  // And nothing was lost: what was cancelled can be done again.
  ASSERT_EQ(::send(far, "again", 5, 0), 5);
  heard again{operation_code::recv, near, buffer};
  EXPECT_EQ(run(again), 5);
}

TEST_P(Poller, connect_can_be_cancelled) {
  // A listener whose backlog is full does not answer.
  sockaddr_in address;
  const owned_fd listener = listening_socket(address, 0);
  std::vector<owned_fd> fds;
  std::vector<std::unique_ptr<heard>> ops;
  for (int i = 0; i < 4; ++i) {
    fds.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    heard& op = *ops.emplace_back(std::make_unique<heard>(operation_code::connect, fds.back()));
    op.address = &address;
    op.length = sizeof address;
    io->submit(op);
  }
  turn_some();
  heard& last = *ops.back();
  ASSERT_FALSE(last.done);
  for (const auto& op : ops)
    if (!op->done) io->cancel(*op);
  turn_until([&] { return io->in_flight() == 0; });
  EXPECT_EQ(last.last(), -ECANCELED);
}

TEST_P(Poller, cancel_before_the_first_turn) {
  auto [near, far] = tcp_pair();
  char buffer[4];
  heard op{operation_code::recv, near, buffer};
  io->submit(op);
  io->cancel(op);
  finish(op);
  EXPECT_EQ(op.last(), -ECANCELED);
}

TEST_P(Poller, cancel_more_than_once_does_no_harm) {
  auto [near, far] = tcp_pair();
  char buffer[4];
  heard op{operation_code::recv, near, buffer};
  io->submit(op);
  io->cancel(op);
  io->cancel(op);
  turn_some();
  EXPECT_EQ(op.results, std::vector{-ECANCELED});
}

TEST_P(Poller, cancel_of_what_has_its_data_keeps_the_data) {
  auto [near, far] = tcp_pair();
  char buffer[4];
  heard op{operation_code::recv, near, buffer};
  ASSERT_EQ(::send(far, "x", 1, 0), 1);
  io->submit(op);
  io->cancel(op);
  finish(op);
  EXPECT_EQ(op.last(), 1);
}

// A cancel that comes too late for its operation must not hit the next one at the same address.
TEST_P(Poller, a_late_cancel_does_not_touch_the_next_operation) {
  auto [near, far] = tcp_pair();
  char buffer[4];
  for (int round = 0; round < 200; ++round) {
    heard op{operation_code::recv, near, buffer};
    io->submit(op);
    if (round % 2 == 0) io->turn(deadline::past());
    ASSERT_EQ(::send(far, "x", 1, 0), 1);
    io->cancel(op);
    finish(op);
    ASSERT_TRUE(op.last() == 1 || op.last() == -ECANCELED) << op.last();
    const bool data_is_left = op.last() < 0;
    op.done = false;
    op.results.clear();
    io->submit(op);
    if (!data_is_left) {
      io->turn(deadline::past());
      ASSERT_FALSE(op.done) << "round " << round << ": " << op.last();
      ASSERT_EQ(::send(far, "y", 1, 0), 1);
    }
    finish(op);
    ASSERT_EQ(op.last(), 1) << "round " << round;
  }
}

TEST_P(Poller, cancel_from_the_completion_of_another) {
  auto [near, far] = tcp_pair();
  char a[4], b[4];
  heard victim{operation_code::recv, far, a};
  heard op{operation_code::recv, near, b};
  op.then = [&](heard&) { io->cancel(victim); };
  io->submit(victim);
  io->submit(op);
  turn_some();
  ASSERT_EQ(::send(far, "x", 1, 0), 1);
  finish(victim);
  EXPECT_EQ(victim.last(), -ECANCELED);
  EXPECT_TRUE(op.done);
}

TEST_P(Poller, the_first_of_several_readers_can_be_cancelled_and_the_next_is_served) {
  auto [near, far] = tcp_pair();
  char a[1], b[1];
  heard first{operation_code::recv, near, a};
  heard second{operation_code::recv, near, b};
  io->submit(first);
  io->submit(second);
  turn_some();
  io->cancel(first);
  finish(first);
  EXPECT_FALSE(second.done);
  ASSERT_EQ(::send(far, "x", 1, 0), 1);
  finish(second);
  EXPECT_EQ(second.last(), 1);
}

TEST_P(Poller, a_partly_filled_waitall_says_how_much_it_took_when_cancelled) {
  auto [near, far] = tcp_pair();
  char buffer[8];
  heard op{operation_code::recv, near, buffer};
  op.flags = MSG_WAITALL;
  io->submit(op);
  ASSERT_EQ(::send(far, "abc", 3, 0), 3);
  turn_some();
  ASSERT_FALSE(op.done);
  io->cancel(op);
  finish(op);
  EXPECT_EQ(op.last(), 3);
}

}  // namespace
}  // namespace weft::detail

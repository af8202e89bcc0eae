// accept and accept_many: one connection, many, running out of descriptors, listeners that end.
#include "poller_fixture.hpp"

#include <resource_limit.hpp>

namespace weft::detail {
namespace {

TEST_P(Poller, accept_gives_one_connection) {
  sockaddr_in address;
  const owned_fd listener = listening_socket(address);
  heard op{operation_code::accept, listener};
  op.flags = SOCK_CLOEXEC;
  io->submit(op);
  turn_some();
  ASSERT_FALSE(op.done);
  const owned_fd client = connect_to(address);
  finish(op);
  const owned_fd accepted{op.last()};
  EXPECT_EQ(::fcntl(accepted, F_GETFD), FD_CLOEXEC);
  ASSERT_EQ(::send(client, "x", 1, 0), 1);
  char byte;
  EXPECT_EQ(::recv(accepted, &byte, 1, 0), 1);
}

TEST_P(Poller, accept_of_a_waiting_connection_is_quick) {
  sockaddr_in address;
  const owned_fd listener = listening_socket(address);
  const owned_fd client = connect_to(address);
  heard op{operation_code::accept, listener};
  const owned_fd accepted{run(op)};
}

TEST_P(Poller, accept_on_what_does_not_listen_fails) {
  auto [near, far] = tcp_pair();
  auto [read_end, write_end] = pipe_pair();
  for (const auto code : {operation_code::accept, operation_code::accept_many}) {
    heard on_stream{code, near};
    EXPECT_EQ(run(on_stream), -EINVAL);
    heard on_pipe{code, read_end};
    EXPECT_EQ(run(on_pipe), -ENOTSOCK);
  }
}

TEST_P(Poller, several_accepts_are_served_in_their_order) {
  sockaddr_in address;
  const owned_fd listener = listening_socket(address);
  std::vector<std::unique_ptr<heard>> ops;
  for (int i = 0; i < 3; ++i)
    io->submit(*ops.emplace_back(std::make_unique<heard>(operation_code::accept, listener)));
  turn_some();
  std::vector<owned_fd> clients, accepted;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    clients.push_back(connect_to(address));
    turn_until([&] { return io->in_flight() == ops.size() - i - 1; });
  }
  for (const auto& op : ops) accepted.emplace_back(op->last());
}

TEST_P(Poller, accept_many_goes_on_until_cancelled) {
  sockaddr_in address;
  const owned_fd listener = listening_socket(address);
  heard op{operation_code::accept_many, listener};
  op.flags = SOCK_CLOEXEC;
  io->submit(op);
  std::vector<owned_fd> clients, accepted;
  for (std::size_t i = 1; i <= 300; ++i) {
    clients.push_back(connect_to(address));
    if (i % 50 != 0) continue;
    turn_until([&] { return op.results.size() == i; });
    ASSERT_FALSE(op.done);
  }
  for (const int fd : op.results) accepted.emplace_back(fd);
  extra_completions = 300;
  io->cancel(op);
  finish(op);
  EXPECT_EQ(op.last(), -ECANCELED);
}

TEST_P(Poller, accept_many_can_be_cancelled_from_its_own_completion) {
  sockaddr_in address;
  const owned_fd listener = listening_socket(address);
  const owned_fd first = connect_to(address), second = connect_to(address);
  std::vector<owned_fd> accepted;
  heard op{operation_code::accept_many, listener};
  op.then = [&](heard& me) {
    if (me.last() < 0) return;
    accepted.emplace_back(me.last());
    io->cancel(me);
  };
  io->submit(op);
  finish(op);
  EXPECT_EQ(op.last(), -ECANCELED);
  EXPECT_GE(accepted.size(), 1u);
  extra_completions = accepted.size();
}

TEST_P(Poller, accept_many_ends_with_the_error_when_descriptors_run_out) {
  sockaddr_in address;
  const owned_fd listener = listening_socket(address);
  const owned_fd first = connect_to(address), second = connect_to(address);
  const owned_fd highest{::dup(listener)};  // everything below is in use
  weft_test::resource_limit tight{RLIMIT_NOFILE, static_cast<rlim_t>(highest) + 1};
  heard op{operation_code::accept_many, listener};  // the ring asks for the limit when it is submitted
  EXPECT_EQ(run(op), -EMFILE);
  EXPECT_EQ(op.results.size(), 1u);
  tight.lift();

  // The connections are still there for who comes back with descriptors.
  op.done = false;
  op.results.clear();
  io->submit(op);
  turn_until([&] { return op.results.size() == 2; });
  const owned_fd accepted[] = {owned_fd{op.results[0]}, owned_fd{op.results[1]}};
  extra_completions = 2;
  io->cancel(op);
  finish(op);
}

TEST_P(Poller, accept_many_ends_when_the_listener_is_shut_down) {
  sockaddr_in address;
  const owned_fd listener = listening_socket(address);
  heard op{operation_code::accept_many, listener};
  io->submit(op);
  turn_some();
  ASSERT_EQ(::shutdown(listener, SHUT_RD), 0);
  finish(op);
  EXPECT_EQ(op.last(), -EINVAL);
}

}  // namespace
}  // namespace weft::detail

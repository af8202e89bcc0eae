// Each operation's success, error, end of stream, and what the peer can do to it. On both backends.
#include "poller_fixture.hpp"

#include <poll.h>
#include <sys/uio.h>

namespace weft::detail {
namespace {

WEFT_BOTH_BACKENDS(Poller);

// --- recv and send

TEST_P(Poller, recv_takes_what_is_there) {
  auto [near, far] = socket_pair();
  ASSERT_EQ(::send(far, "hello", 5, 0), 5);
  char buffer[16];
  heard op{operation_code::recv, near, buffer};
  EXPECT_EQ(run(op), 5);
  EXPECT_EQ(std::string_view(buffer, 5), "hello");
}

TEST_P(Poller, recv_waits_for_what_comes_later) {
  auto [near, far] = tcp_pair();
  char buffer[16];
  heard op{operation_code::recv, near, buffer};
  io->submit(op);
  turn_some();
  EXPECT_FALSE(op.done);
  EXPECT_EQ(io->in_flight(), 1u);
  ASSERT_EQ(::send(far, "later", 5, 0), 5);
  finish(op);
  EXPECT_EQ(op.last(), 5);
}

TEST_P(Poller, recv_known_not_to_be_ready_is_still_served_if_it_is) {
  auto [near, far] = tcp_pair();
  ASSERT_EQ(::send(far, "x", 1, 0), 1);
  char buffer[16];
  heard op{operation_code::recv, near, buffer};
  op.hint = operation_hint::not_ready;
  EXPECT_EQ(run(op), 1);
}

TEST_P(Poller, recv_at_end_of_stream_is_zero) {
  auto [near, far] = tcp_pair();
  char buffer[16];
  heard op{operation_code::recv, near, buffer};
  io->submit(op);
  turn_some();
  far.reset();
  finish(op);
  EXPECT_EQ(op.last(), 0);
}

TEST_P(Poller, half_closed_peer_still_gets_what_is_sent) {
  auto [near, far] = tcp_pair();
  ASSERT_EQ(::shutdown(far, SHUT_WR), 0);
  char buffer[16];
  heard end{operation_code::recv, near, buffer};
  EXPECT_EQ(run(end), 0);
  heard answer{operation_code::send, near, std::string_view{"answer"}};
  EXPECT_EQ(run(answer), 6);
  EXPECT_EQ(::recv(far, buffer, sizeof buffer, 0), 6);
}

TEST_P(Poller, recv_hears_of_a_reset) {
  auto [near, far] = tcp_pair();
  char buffer[16];
  heard op{operation_code::recv, near, buffer};
  io->submit(op);
  turn_some();
  reset_on_close(far);
  far.reset();
  finish(op);
  EXPECT_EQ(op.last(), -ECONNRESET);
}

TEST_P(Poller, send_to_a_closed_peer_is_an_error_and_no_signal) {
  auto [near, far] = socket_pair();
  far.reset();
  heard op{operation_code::send, near, std::string_view{"x"}};
  EXPECT_EQ(run(op), -EPIPE);
}

TEST_P(Poller, write_to_a_closed_pipe_is_an_error_and_no_signal) {
  auto [near, far] = pipe_pair();
  near.reset();
  heard op{operation_code::write, far, std::string_view{"x"}};
  EXPECT_EQ(run(op), -EPIPE);
}

TEST_P(Poller, large_send_is_short_and_the_rest_goes_later) {
  auto [near, far] = tcp_pair();
  const int small = 4096;
  ASSERT_EQ(::setsockopt(near, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
  const std::string text(1 << 19, 'w');
  std::size_t sent = 0, received = 0;
  std::vector<char> sink(1 << 16);
  heard out{operation_code::send, near, std::string_view{text}};
  heard in{operation_code::recv, far, sink};
  bool was_short = false;
  out.then = [&](heard& op) {
    ASSERT_GT(op.last(), 0);
    was_short |= static_cast<std::size_t>(op.last()) < op.length;
    sent += static_cast<std::size_t>(op.last());
    op.done = false;
    op.set_buffer(std::span{text}.subspan(sent));
    if (sent < text.size()) io->submit(op);
  };
  in.then = [&](heard& op) {
    ASSERT_GT(op.last(), 0);
    received += static_cast<std::size_t>(op.last());
    op.done = false;
    if (received < text.size()) io->submit(op);
  };
  io->submit(out);
  io->submit(in);
  turn_until([&] { return received == text.size(); });
  EXPECT_TRUE(was_short);
}

TEST_P(Poller, recv_with_waitall_fills_its_buffer) {
  auto [near, far] = tcp_pair();
  char buffer[10];
  heard op{operation_code::recv, near, buffer};
  op.flags = MSG_WAITALL;
  io->submit(op);
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(::send(far, "ab", 2, 0), 2);
    turn_some();
    ASSERT_EQ(op.done, i == 4);
  }
  finish(op);
  EXPECT_EQ(op.last(), 10);
  EXPECT_EQ(std::string_view(buffer, 10), "ababababab");
}

TEST_P(Poller, recv_with_waitall_gives_what_came_before_the_end) {
  auto [near, far] = tcp_pair();
  char buffer[10];
  heard op{operation_code::recv, near, buffer};
  op.flags = MSG_WAITALL;
  io->submit(op);
  ASSERT_EQ(::send(far, "abc", 3, 0), 3);
  turn_some();
  far.reset();
  finish(op);
  EXPECT_EQ(op.last(), 3);
}

TEST_P(Poller, peek_leaves_the_bytes_where_they_are) {
  auto [near, far] = socket_pair();
  ASSERT_EQ(::send(far, "ab", 2, 0), 2);
  char buffer[4];
  heard peek{operation_code::recv, near, buffer};
  peek.flags = MSG_PEEK;
  EXPECT_EQ(run(peek), 2);
  heard op{operation_code::recv, near, buffer};
  EXPECT_EQ(run(op), 2);
}

TEST_P(Poller, dontwait_does_not_wait) {
  auto [near, far] = socket_pair();
  char buffer[4];
  heard op{operation_code::recv, near, buffer};
  op.flags = MSG_DONTWAIT;
  EXPECT_EQ(run(op), -EAGAIN);
}

TEST_P(Poller, recv_on_what_is_no_socket_fails) {
  auto [near, far] = pipe_pair();
  char buffer[4];
  heard op{operation_code::recv, near, buffer};
  EXPECT_EQ(run(op), -ENOTSOCK);
}

TEST_P(Poller, a_descriptor_that_is_not_open_fails) {
  auto [near, far] = socket_pair();
  const int closed = near;
  near.reset();
  char buffer[4];
  for (const auto code : {operation_code::recv, operation_code::send, operation_code::read,
                          operation_code::write, operation_code::accept, operation_code::accept_many,
                          operation_code::poll, operation_code::close, operation_code::shutdown}) {
    for (const int fd : {closed, -1}) {
      heard op{code, fd, buffer};
      if (code == operation_code::poll) op.flags = POLLIN;
      else if (code == operation_code::accept || code == operation_code::accept_many) op.flags = 0;
      EXPECT_EQ(run(op), -EBADF) << static_cast<int>(code) << " on " << fd;
    }
  }
}

TEST_P(Poller, a_bad_address_is_an_error) {
  auto [near, far] = socket_pair();
  ASSERT_EQ(::send(far, "x", 1, 0), 1);
  heard op{operation_code::recv, near, std::span<char>{reinterpret_cast<char*>(8), 16}};
  EXPECT_EQ(run(op), -EFAULT);
}

TEST_P(Poller, reader_and_writer_of_one_descriptor_do_not_hold_each_other_up) {
  auto [near, far] = tcp_pair();
  char buffer[16];
  heard in{operation_code::recv, near, buffer};
  io->submit(in);
  turn_some();
  heard out{operation_code::send, near, std::string_view{"ping"}};
  EXPECT_EQ(run(out), 4);
  EXPECT_FALSE(in.done);
  ASSERT_EQ(::send(far, "pong", 4, 0), 4);
  finish(in);
}

TEST_P(Poller, an_operation_may_be_submitted_again_from_its_own_completion) {
  auto [near, far] = socket_pair();
  char byte[1];
  heard op{operation_code::recv, near, byte};
  op.then = [&](heard& me) {
    me.done = false;
    if (me.results.size() < 5) io->submit(me);
  };
  io->submit(op);
  for (std::size_t i = 1; i <= 5; ++i) {
    ASSERT_EQ(::send(far, "x", 1, 0), 1);
    turn_until([&] { return op.results.size() == i; });
  }
}

// --- read and write

TEST_P(Poller, read_and_write_work_on_sockets) {
  auto [near, far] = tcp_pair();
  char buffer[8];
  heard in{operation_code::read, far, buffer};
  io->submit(in);
  turn_some();
  heard out{operation_code::write, near, std::string_view{"abc"}};
  EXPECT_EQ(run(out), 3);
  finish(in);
  EXPECT_EQ(in.last(), 3);
}

TEST_P(Poller, vectors_are_read_and_written_in_order) {
  auto [near, far] = socket_pair();
  char first[] = "ab", second[] = "cde", a[3], b[8];
  iovec out_vector[] = {{first, 2}, {second, 3}};
  iovec in_vector[] = {{a, 3}, {b, 8}};
  heard out{operation_code::writev, near};
  out.address = out_vector;
  out.length = 2;
  heard in{operation_code::readv, far};
  in.address = in_vector;
  in.length = 2;
  io->submit(in);
  turn_some();
  EXPECT_EQ(run(out), 5);
  finish(in);
  EXPECT_EQ(in.last(), 5);
  EXPECT_EQ(std::string_view(a, 3), "abc");
  EXPECT_EQ(std::string_view(b, 2), "de");
}

TEST_P(Poller, read_from_a_blocking_pipe_waits_without_blocking_the_thread) {
  auto [near, far] = pipe_pair();
  char buffer[8];
  heard op{operation_code::read, near, buffer};
  io->submit(op);
  turn_some();
  EXPECT_FALSE(op.done);
  ASSERT_EQ(::write(far, "pipe", 4), 4);
  finish(op);
  EXPECT_EQ(op.last(), 4);
  heard end{operation_code::read, near, buffer};
  io->submit(end);
  far.reset();
  finish(end);
  EXPECT_EQ(end.last(), 0);
}

TEST_P(Poller, write_to_a_full_blocking_pipe_waits_without_blocking_the_thread) {
  auto [near, far] = pipe_pair();
  ASSERT_EQ(::fcntl(far, F_SETPIPE_SZ, 4096), 4096);
  const std::string page(4096, 'p');
  heard first{operation_code::write, far, std::string_view{page}};
  EXPECT_EQ(run(first), 4096);
  heard second{operation_code::write, far, std::string_view{page}};
  io->submit(second);
  turn_some();
  EXPECT_FALSE(second.done);
  std::vector<char> sink(4096);
  ASSERT_EQ(::read(near, sink.data(), sink.size()), 4096);
  finish(second);
  EXPECT_EQ(second.last(), 4096);
}

// --- connect

TEST_P(Poller, connect_succeeds_on_a_blocking_socket) {
  sockaddr_in address;
  const owned_fd listener = listening_socket(address);
  const owned_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  heard op{operation_code::connect, fd};
  op.address = &address;
  op.length = sizeof address;
  EXPECT_EQ(run(op), 0);
  const owned_fd accepted{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
  heard again{operation_code::connect, fd};
  again.address = &address;
  again.length = sizeof address;
  EXPECT_EQ(run(again), -EISCONN);
}

TEST_P(Poller, connect_to_a_closed_port_is_refused) {
  sockaddr_in address;
  listening_socket(address).reset();
  const owned_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  heard op{operation_code::connect, fd};
  op.address = &address;
  op.length = sizeof address;
  EXPECT_EQ(run(op), -ECONNREFUSED);
}

// --- close, shutdown, poll

TEST_P(Poller, close_closes) {
  auto [near, far] = socket_pair();
  heard op{operation_code::close, near.release()};
  EXPECT_EQ(run(op), 0);
  EXPECT_EQ(::fcntl(op.fd, F_GETFD), -1);
  char buffer[1];
  EXPECT_EQ(::recv(far, buffer, 1, 0), 0);
}

TEST_P(Poller, shutdown_ends_the_stream_and_wakes_the_reader) {
  auto [near, far] = tcp_pair();
  char buffer[4];
  heard in{operation_code::recv, near, buffer};
  io->submit(in);
  turn_some();
  heard op{operation_code::shutdown, near};
  op.flags = SHUT_RDWR;
  EXPECT_EQ(run(op), 0);
  finish(in);
  EXPECT_EQ(in.last(), 0);
  EXPECT_EQ(::recv(far, buffer, 4, 0), 0);
}

TEST_P(Poller, shutdown_of_what_is_not_connected_fails) {
  const owned_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  heard op{operation_code::shutdown, fd};
  op.flags = SHUT_WR;
  EXPECT_EQ(run(op), -ENOTCONN);
}

TEST_P(Poller, poll_answers_with_the_events_that_are_ready) {
  auto [near, far] = tcp_pair();
  heard writable{operation_code::poll, near};
  writable.flags = POLLOUT | POLLIN;
  EXPECT_EQ(run(writable), POLLOUT);
  heard readable{operation_code::poll, near};
  readable.flags = POLLIN;
  io->submit(readable);
  turn_some();
  EXPECT_FALSE(readable.done);
  ASSERT_EQ(::send(far, "x", 1, 0), 1);
  finish(readable);
  EXPECT_EQ(readable.last(), POLLIN);
}

TEST_P(Poller, poll_hears_of_a_hang_up_that_it_did_not_ask_for) {
  auto [near, far] = pipe_pair();
  heard op{operation_code::poll, near};
  op.flags = POLLPRI;
  io->submit(op);
  turn_some();
  far.reset();
  finish(op);
  EXPECT_EQ(op.last(), POLLHUP);
}

// --- descriptors behind our back

TEST_P(Poller, a_reused_descriptor_number_is_served) {
  char buffer[4];
  for (int round = 0; round < 50; ++round) {
    auto [near, far] = tcp_pair();
    heard op{operation_code::recv, near, buffer};
    io->submit(op);
    turn_some();  // waits, and the kernel knows of it
    ASSERT_EQ(::send(far, "x", 1, 0), 1);
    finish(op);
    heard cancelled{operation_code::recv, near, buffer};
    io->submit(cancelled);
    turn_some();
    io->cancel(cancelled);
    finish(cancelled);
    // closed with close(2), which the poller does not hear of: the next round gets the same numbers
  }
}

TEST_P(Poller, a_number_that_is_reused_under_a_waiting_operation_serves_the_new_one) {
  auto [near, far] = tcp_pair();
  char old_buffer[4], new_buffer[4];
  heard stale{operation_code::recv, near, old_buffer};
  io->submit(stale);
  turn_some();
  fd_pair other = tcp_pair();
  // the same number, another file
  ASSERT_EQ(::dup3(other.near, near, O_CLOEXEC), static_cast<int>(near));
  heard fresh{operation_code::recv, near, new_buffer};
  io->submit(fresh);
  turn_some();
  ASSERT_EQ(::send(other.far, "new", 3, 0), 3);
  finish(fresh);
  EXPECT_EQ(fresh.last(), 3);
  if (!stale.done) io->cancel(stale);
  finish(stale);
  EXPECT_LT(stale.last(), 0);
}

}  // namespace
}  // namespace weft::detail

// weft::io on fibers and on foreign threads: only the fiber parks, and every wait ends by completion,
// deadline or stop.
#include "fiber_fixture.hpp"

#include <poll.h>
#include <pty.h>

#include <weft/io/io.hpp>
#include <weft/runtime/cancellation_shield.hpp>

namespace weft::detail {
namespace {

class Io : public OnFibers {};
INSTANTIATE_TEST_SUITE_P(backends, Io, testing::Values(backend::uring, backend::epoll), backend_name);

TEST_P(Io, a_read_parks_only_the_fiber) {
  run(1, [] {
    auto [near, far] = pipe_pair();
    auto reader = spawn([&]() -> result<std::size_t> {
      char buffer[8];
      return io::read(near, bytes_of(buffer));
    });
    for (int i = 0; i < 10; ++i) this_fiber::yield();
    ASSERT_EQ(io::write(far, std::string_view{"abc"}).value(), 3u);
    EXPECT_EQ(reader.join().value(), 3u);
  });
}

TEST_P(Io, a_deadline_ends_a_read_and_is_not_early) {
  run(1, [] {
    auto [near, far] = tcp_pair();
    char buffer[8];
    const deadline until{5ms};
    EXPECT_EQ(io::recv(near, bytes_of(buffer), 0, until).error(), errc::deadline_exceeded);
    EXPECT_GE(steady_ns(), until.at);
    // The kernel has let go: what comes now is for the next one.
    ASSERT_EQ(::send(far, "x", 1, 0), 1);
    EXPECT_EQ(io::recv(near, bytes_of(buffer)).value(), 1u);
  });
}

TEST_P(Io, a_past_deadline_tries_once) {
  run(1, [] {
    auto [near, far] = tcp_pair();
    char buffer[8];
    EXPECT_EQ(io::recv(near, bytes_of(buffer), 0, deadline::past()).error(), errc::deadline_exceeded);
    ASSERT_EQ(::send(far, "x", 1, 0), 1);
    EXPECT_EQ(io::recv(near, bytes_of(buffer), 0, deadline::past()).value(), 1u);
  });
}

TEST_P(Io, a_stop_ends_every_kind_of_wait) {
  run(1, [] {
    sockaddr_in address;
    const owned_fd listener = listening_socket(address);
    auto [near, far] = tcp_pair();
    auto [read_end, write_end] = pipe_pair();
    std::vector<task<void>> tasks;
    const auto expect_canceled = [&tasks](auto call) {
      tasks.push_back(spawn([call] { EXPECT_EQ(call().error(), errc::canceled); }));
    };
    expect_canceled([fd = int{near}] {
      char b[4];
      return io::recv(fd, bytes_of(b));
    });
    expect_canceled([fd = int{read_end}] {
      char b[4];
      return io::read(fd, bytes_of(b));
    });
    expect_canceled([fd = int{listener}] { return io::accept(fd); });
    expect_canceled([fd = int{far}] { return io::poll(fd, POLLIN); });
    for (int i = 0; i < 10; ++i) this_fiber::yield();
    for (auto& t : tasks) EXPECT_TRUE(t.request_stop());
    for (auto& t : tasks) t.join();
  });
}

TEST_P(Io, who_was_asked_to_stop_does_not_begin_to_wait) {
  run(1, [] {
    auto [near, far] = tcp_pair();
    auto reader = spawn([&] {
      while (!this_fiber::stop_requested()) this_fiber::yield();
      char buffer[4];
      for (int i = 0; i < 3; ++i) EXPECT_EQ(io::recv(near, bytes_of(buffer)).error(), errc::canceled);
      const cancellation_shield unstoppable;
      EXPECT_EQ(io::recv(near, bytes_of(buffer), 0, deadline{2ms}).error(), errc::deadline_exceeded);
    });
    this_fiber::yield();
    reader.request_stop();
    reader.join();
  });
}

TEST_P(Io, stop_of_the_runtime_ends_a_thousand_reads) {
  run(2, [] {
    static constexpr int count = 1000;
    std::vector<fd_pair> sockets;
    for (int i = 0; i < count; ++i) sockets.push_back(socket_pair());
    std::atomic<int> parked{0};
    std::atomic<int> canceled{0};
    std::vector<task<void>> tasks;
    for (const fd_pair& pair : sockets) {
      tasks.push_back(spawn([&, fd = int{pair.near}] {
        char byte[1];
        parked.fetch_add(1);
        if (io::recv(fd, bytes_of(byte)).error() == errc::canceled) canceled.fetch_add(1);
      }));
    }
    while (parked.load() < count) this_fiber::yield();
    for (auto& t : tasks) t.request_stop();
    tasks.clear();  // joins
    EXPECT_EQ(canceled.load(), count);
  });
}

TEST_P(Io, what_the_kernel_says_stays_its_own) {
  run(1, [] {
    char buffer[4];
    EXPECT_EQ(io::read(-1, bytes_of(buffer)).error(), std::error_code(EBADF, std::system_category()));
    auto [near, far] = socket_pair();
    far.reset();
    EXPECT_EQ(io::send(near, std::string_view{"x"}).error(), std::error_code(EPIPE, std::system_category()));
    auto [read_end, write_end] = pipe_pair();
    read_end.reset();
    EXPECT_EQ(io::write(write_end, std::string_view{"x"}).error(),
              std::error_code(EPIPE, std::system_category()));
    sockaddr_in address;
    listening_socket(address).reset();
    const owned_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    EXPECT_EQ(io::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address).error(),
              std::error_code(ECONNREFUSED, std::system_category()));
    EXPECT_EQ(io::shutdown(fd, SHUT_RDWR).error(), std::error_code(ENOTCONN, std::system_category()));
  });
}

TEST_P(Io, fibers_connect_to_each_other) {
  run(2, [] {
    sockaddr_in address;
    const owned_fd listener = listening_socket(address);
    auto server = spawn([&]() -> result<void> {
      for (int i = 0; i < 50; ++i) {
        const owned_fd connection{WEFT_TRY(io::accept(listener))};
        char buffer[16];
        while (const std::size_t n = WEFT_TRY(io::recv(connection, bytes_of(buffer))))
          WEFT_TRY(io::send(connection, std::string_view{buffer, n}));
      }
      return {};
    });
    for (int i = 0; i < 50; ++i) {
      const owned_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
      ASSERT_TRUE(io::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
      ASSERT_EQ(io::send(fd, std::string_view{"ping"}).value(), 4u);
      char buffer[16];
      ASSERT_EQ(io::recv(fd, bytes_of(buffer)).value(), 4u);
      ASSERT_TRUE(io::shutdown(fd, SHUT_WR));
      ASSERT_EQ(io::recv(fd, bytes_of(buffer)).value(), 0u);
    }
    EXPECT_TRUE(server.join());
  });
}

TEST_P(Io, files_are_read_and_written_at_offsets) {
  run(1, [] {
    const owned_fd file{::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
    ASSERT_EQ(io::pwrite(file, std::string_view{"0123456789"}, 0).value(), 10u);
    char buffer[4];
    ASSERT_EQ(io::pread(file, bytes_of(buffer), 3).value(), 4u);
    EXPECT_EQ(std::string_view(buffer, 4), "3456");
    EXPECT_EQ(io::pread(file, bytes_of(buffer), 8).value(), 2u);
    EXPECT_EQ(io::pread(file, bytes_of(buffer), 10).value(), 0u);
    char other[4];
    const iovec parts[] = {{buffer, 2}, {other, 4}};
    ASSERT_EQ(io::readv(file, parts).value(), 6u);
    EXPECT_EQ(std::string_view(other, 4), "2345");
    ASSERT_EQ(io::writev(file, parts).value(), 6u);
    ASSERT_TRUE(io::close(::dup(file)));
  });
}

TEST_P(Io, a_non_blocking_terminal_is_waited_for) {
  run(1, [] {
    int master = -1, slave = -1;
    ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
    const owned_fd screen{master}, program{slave};
    ASSERT_EQ(::fcntl(program, F_SETFL, O_RDWR | O_NONBLOCK), 0);
    char buffer[16];
    EXPECT_EQ(io::read(program, bytes_of(buffer), deadline{2ms}).error(), errc::deadline_exceeded);
    auto typist = spawn([&] { EXPECT_EQ(io::write(screen, std::string_view{"line\n"}).value(), 5u); });
    EXPECT_EQ(io::read(program, bytes_of(buffer)).value(), 5u);
    typist.join();
  });
}

TEST_P(Io, a_foreign_thread_uses_the_same_calls) {
  auto [near, far] = tcp_pair();
  char buffer[8];
  const deadline until{3ms};
  EXPECT_EQ(io::recv(near, bytes_of(buffer), 0, until).error(), errc::deadline_exceeded);
  EXPECT_GE(steady_ns(), until.at);
  EXPECT_EQ(io::recv(near, bytes_of(buffer), 0, deadline::past()).error(), errc::deadline_exceeded);
  std::thread sender{[fd = int{far}] {
    std::this_thread::sleep_for(2ms);  // real time: the other thread must be asleep by then
    EXPECT_EQ(io::send(fd, std::string_view{"abc"}).value(), 3u);
  }};
  EXPECT_EQ(io::poll(near, POLLIN).value(), POLLIN);
  EXPECT_EQ(io::recv(near, bytes_of(buffer)).value(), 3u);
  sender.join();
  const owned_fd file{::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  EXPECT_EQ(io::write(file, std::string_view{"file"}).value(), 4u);
  EXPECT_EQ(io::pread(file, bytes_of(buffer), 0).value(), 4u);
  sockaddr_in address;
  const owned_fd listener = listening_socket(address);
  const owned_fd client{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  EXPECT_TRUE(io::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address));
  const owned_fd accepted{io::accept(listener).value()};
  EXPECT_EQ(io::read(-1, bytes_of(buffer)).error().value(), EBADF);
}

}  // namespace
}  // namespace weft::detail

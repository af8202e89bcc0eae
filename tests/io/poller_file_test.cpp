// Files without readiness (regular files, through the offload pool under epoll) and descriptors that know no
// RWF_NOWAIT.
#include "poller_fixture.hpp"

#include <poll.h>
#include <pty.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

namespace weft::detail {
namespace {

owned_fd temporary_file() { return owned_fd{::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)}; }

TEST_P(Poller, a_file_is_written_and_read_at_offsets) {
  const owned_fd file = temporary_file();
  heard out{operation_code::write, file, std::string_view{"0123456789"}};
  out.offset = 0;
  EXPECT_EQ(run(out), 10);
  char buffer[4];
  heard in{operation_code::read, file, buffer};
  in.offset = 6;
  EXPECT_EQ(run(in), 4);
  EXPECT_EQ(std::string_view(buffer, 4), "6789");
  in.done = false;
  in.offset = 8;
  EXPECT_EQ(run(in), 2);
  in.done = false;
  in.offset = 10;
  EXPECT_EQ(run(in), 0);
}

TEST_P(Poller, a_file_is_read_and_written_at_its_own_position) {
  const owned_fd file = temporary_file();
  char first[] = "abc", second[] = "defg";
  iovec vector[] = {{first, 3}, {second, 4}};
  heard out{operation_code::writev, file};
  out.address = vector;
  out.length = 2;
  EXPECT_EQ(run(out), 7);
  EXPECT_EQ(::lseek(file, 1, SEEK_SET), 1);
  char buffer[3];
  heard in{operation_code::read, file, buffer};
  EXPECT_EQ(run(in), 3);
  in.done = false;
  EXPECT_EQ(run(in), 3);
  EXPECT_EQ(std::string_view(buffer, 3), "efg");
}

TEST_P(Poller, many_file_operations_at_once_complete_each_with_its_own_result) {
  const owned_fd file = temporary_file();
  const std::string content(64 << 10, 'f');
  ASSERT_EQ(::write(file, content.data(), content.size()), ssize_t(content.size()));
  std::vector<std::unique_ptr<heard>> ops;
  std::vector<char> buffer(256);
  for (std::size_t i = 0; i < 200; ++i) {
    heard& op = *ops.emplace_back(std::make_unique<heard>(operation_code::read, file, buffer));
    op.offset = 0;
    op.length = static_cast<std::uint32_t>(i + 1);
    io->submit(op);
    if (i % 3 == 0) io->cancel(op);
  }
  turn_until([&] { return io->in_flight() == 0; });
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const int result = ops[i]->last();
    EXPECT_TRUE(result == static_cast<int>(i + 1) || (i % 3 == 0 && result == -ECANCELED)) << result;
  }
}

TEST_P(Poller, a_file_operation_ends_the_sleep) {
  const owned_fd file = temporary_file();
  for (int i = 0; i < 200; ++i) {
    heard out{operation_code::write, file, std::string_view{"x"}};
    out.offset = i;
    io->submit(out);
    while (!out.done) io->turn(deadline{10s});
    ASSERT_EQ(out.last(), 1);
  }
}

TEST_P(Poller, a_file_is_always_ready) {
  const owned_fd file = temporary_file();
  heard op{operation_code::poll, file};
  op.flags = POLLIN | POLLOUT | POLLPRI;
  EXPECT_EQ(run(op), POLLIN | POLLOUT);
}

TEST_P(Poller, a_directory_cannot_be_read) {
  const owned_fd directory{::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  char buffer[4];
  heard op{operation_code::read, directory, buffer};
  EXPECT_EQ(run(op), -EISDIR);
}

TEST_P(Poller, wrong_direction_is_an_error) {
  const owned_fd file{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  heard op{operation_code::write, file, std::string_view{"x"}};
  EXPECT_EQ(run(op), -EBADF);
}

TEST_P(Poller, an_eventfd_is_read_and_written) {
  const owned_fd event{::eventfd(0, EFD_CLOEXEC)};
  std::uint64_t value = 0;
  heard in{operation_code::read, event, std::span{reinterpret_cast<char*>(&value), sizeof value}};
  io->submit(in);
  turn_some();
  EXPECT_FALSE(in.done);
  std::uint64_t three = 3;
  heard out{operation_code::write, event, std::span{reinterpret_cast<char*>(&three), sizeof three}};
  EXPECT_EQ(run(out), 8);
  finish(in);
  EXPECT_EQ(value, 3u);
}

TEST_P(Poller, a_timerfd_is_read_when_it_fires) {
  const owned_fd timer{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)};
  itimerspec in_2_ms{};
  in_2_ms.it_value.tv_nsec = 2'000'000;
  ASSERT_EQ(::timerfd_settime(timer, 0, &in_2_ms, nullptr), 0);
  std::uint64_t fired = 0;
  heard op{operation_code::read, timer, std::span{reinterpret_cast<char*>(&fired), sizeof fired}};
  EXPECT_EQ(run(op), 8);
  EXPECT_EQ(fired, 1u);
}

TEST_P(Poller, a_terminal_is_read_and_written) {
  int master = -1, slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  const owned_fd screen{master}, program{slave};
  char buffer[16];
  heard in{operation_code::read, program, buffer};
  io->submit(in);
  turn_some();
  EXPECT_FALSE(in.done);
  heard typed{operation_code::write, screen, std::string_view{"line\n"}};
  EXPECT_EQ(run(typed), 5);
  finish(in);
  EXPECT_EQ(in.last(), 5);
  heard printed{operation_code::write, program, std::string_view{"out"}};
  EXPECT_EQ(run(printed), 3);
}

TEST_P(Poller, without_a_pool_a_file_is_done_on_the_spot) {
  poller_options alone;
  alone.offload = nullptr;
  auto made = make_poller(alone);
  ASSERT_TRUE(made);
  const owned_fd file = temporary_file();
  heard op{operation_code::write, file, std::string_view{"x"}};
  (*made)->submit(op);
  EXPECT_FALSE(op.done);
  while (!op.done) (*made)->turn(deadline{1s});
  EXPECT_EQ(op.last(), 1);
}

}  // namespace
}  // namespace weft::detail

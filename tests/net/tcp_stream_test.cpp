#include "net_fixture.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <array>
#include <csignal>
#include <thread>

#include <weft/net/socket_options.hpp>

using namespace weft::testing;
using weft::byte_view;
using weft::errc;
using weft::result;
namespace net = weft::net;

namespace {

using clock = std::chrono::steady_clock;
class TcpStream : public NetTest {};

result<std::string> read_text(net::tcp_stream& from, weft::deadline until = 5s) {
  std::array<std::byte, 256> into;
  const std::size_t count = WEFT_TRY(from.read(into, until));
  return text_of(std::span{into}.first(count));
}

// Small kernel buffers, so that a megabyte takes many short counts.
stream_pair narrow_pair() {
  auto listener = net::tcp_listener::bind("127.0.0.1:0");
  EXPECT_TRUE(net::set_receive_buffer(listener->native_handle(), 2048));
  auto near = net::tcp_stream::connect(listener->local_address(), 5s);
  EXPECT_TRUE(net::set_send_buffer(near->native_handle(), 2048));
  return {std::move(*near), std::move(*listener->accept(5s))};
}

// Writes until the kernel takes no more.
void fill(net::tcp_stream& s) {
  const auto block = pattern(65536);
  while (s.write_some(block, 20ms)) {}
}

}  // namespace

TEST_F(TcpStream, carries_bytes_both_ways) {
  on_fiber([] {
    auto [near, far] = connected();
    ASSERT_TRUE(near.write_all("ping"sv));
    EXPECT_EQ(read_text(far), "ping");
    ASSERT_TRUE(far.write_all("pong"sv));
    EXPECT_EQ(read_text(near), "pong");
  });
}

TEST_F(TcpStream, sends_small_writes_at_once) {
  on_fiber([] {
    auto [near, far] = connected();
    for (const net::tcp_stream* s : {&near, &far}) {
      int no_delay = 0;
      socklen_t size = sizeof no_delay;
      ASSERT_EQ(::getsockopt(s->native_handle(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
      EXPECT_NE(no_delay, 0);
    }
  });
}

TEST_F(TcpStream, read_is_zero_at_the_end_and_read_exactly_an_error) {
  on_fiber([] {
    auto [near, far] = connected();
    ASSERT_TRUE(near.write_all("abc"sv));
    near.close();
    std::array<std::byte, 2> two;
    EXPECT_TRUE(far.read_exactly(two, 5s));
    EXPECT_EQ(text_of(two), "ab");
    EXPECT_EQ(failure(far.read_exactly(two, 5s)), errc::end_of_stream);
    EXPECT_EQ(*far.read(two, 5s), 0u);
    EXPECT_EQ(*far.read(two, 5s), 0u);  // as often as one asks
    EXPECT_TRUE(far.read_exactly({}, 5s));
  });
}

TEST_F(TcpStream, an_empty_read_and_an_empty_write_do_nothing) {
  on_fiber([] {
    auto [near, far] = connected();
    EXPECT_EQ(*near.read({}, 5s), 0u);
    EXPECT_TRUE(near.write_all({}, 5s));
    EXPECT_EQ(*near.write_some({}, 5s), 0u);
    ASSERT_TRUE(near.write_all("x"sv));
    EXPECT_EQ(read_text(far), "x");
  });
}

TEST_F(TcpStream, half_close_leaves_the_other_direction_open) {
  on_fiber([] {
    auto [near, far] = connected();
    ASSERT_TRUE(near.write_all("question"sv));
    ASSERT_TRUE(near.shutdown_write());
    EXPECT_EQ(read_text(far), "question");
    EXPECT_EQ(read_text(far), "");
    ASSERT_TRUE(far.write_all("answer"sv));
    EXPECT_EQ(read_text(near), "answer");
    EXPECT_EQ(failure(near.write_all("more"sv)), std::errc::broken_pipe);
  });
}

// The default disposition of SIGPIPE would end this process.
TEST_F(TcpStream, writing_to_a_closed_peer_is_an_error_never_sigpipe) {
  ASSERT_NE(std::signal(SIGPIPE, SIG_DFL), SIG_ERR);
  on_fiber([] {
    auto [near, far] = connected();
    far.close();
    result<void> wrote;
    for (int i = 0; i < 100 && wrote; ++i) {
      wrote = near.write_all("x"sv, 5s);
      weft::this_fiber::yield();
    }
    ASSERT_FALSE(wrote);
    EXPECT_TRUE(wrote.error() == std::errc::connection_reset || wrote.error() == std::errc::broken_pipe);
    EXPECT_EQ(failure(near.write_all("x"sv, 5s)), std::errc::broken_pipe);
    EXPECT_EQ(failure(near.write_some("x"sv, 5s)), std::errc::broken_pipe);
  });
}

TEST_F(TcpStream, a_reset_is_an_error_and_not_the_end) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    ASSERT_TRUE(listener);
    raw_peer peer{listener->local_address()};
    auto s = listener->accept(5s);
    ASSERT_TRUE(s);
    auto reader = weft::spawn([&] { return read_text(*s); });
    weft::this_fiber::yield();
    peer.reset();
    EXPECT_EQ(failure(reader.join()), std::errc::connection_reset);
  });
}

TEST_F(TcpStream, write_all_goes_on_after_short_counts) {
  on_fiber([] {
    auto [near, far] = narrow_pair();
    const auto sent = pattern(1 << 20);
    auto writer = weft::spawn([&]() -> result<void> {
      WEFT_TRY(near.write_all(sent, 20s));
      return near.shutdown_write();
    });
    std::vector<std::byte> got;
    std::vector<std::byte> piece(7001);
    for (std::size_t round = 0;; ++round) {
      const auto count = far.read(std::span{piece}.first(1 + round * 137 % piece.size()), 20s);
      ASSERT_TRUE(count) << count.error().message();
      if (*count == 0) break;
      got.insert(got.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*count));
    }
    EXPECT_TRUE(writer.join());
    EXPECT_TRUE(got == sent);
  });
}

TEST_F(TcpStream, read_exactly_gathers_short_counts) {
  on_fiber([] {
    auto [near, far] = connected();
    const auto sent = pattern(20'000);
    auto writer = weft::spawn([&]() -> result<void> {
      for (std::size_t at = 0; at < sent.size(); at += 500) {
        WEFT_TRY(near.write_all(std::span{sent}.subspan(at, 500), 5s));
        weft::this_fiber::yield();
      }
      return {};
    });
    std::vector<std::byte> got(sent.size());
    EXPECT_TRUE(far.read_exactly(got, 5s));
    EXPECT_TRUE(got == sent);
    EXPECT_TRUE(writer.join());
  });
}

TEST_F(TcpStream, one_fiber_reads_while_another_writes) {
  on_fiber([] {
    auto [near, far] = narrow_pair();
    const auto data = pattern(300'000);
    const auto send_all = [&](net::tcp_stream& s) {
      return weft::spawn([&]() -> result<void> {
        WEFT_TRY(s.write_all(data, 20s));
        return s.shutdown_write();
      });
    };
    const auto check_all = [&](net::tcp_stream& s) {
      return weft::spawn([&]() -> result<void> {
        std::vector<std::byte> got(data.size());
        WEFT_TRY(s.read_exactly(got, 20s));
        EXPECT_TRUE(got == data);
        return {};
      });
    };
    auto a = send_all(near), b = send_all(far), c = check_all(near), d = check_all(far);
    for (auto* t : {&a, &b, &c, &d}) {
      const auto r = t->join();
      EXPECT_TRUE(r) << r.error().message();
    }
  });
}

TEST_F(TcpStream, a_second_reader_waits_its_turn) {
  on_fiber([] {
    auto [near, far] = connected();
    std::string order;
    const auto reader = [&](char name) {
      return weft::spawn([&, name]() -> result<void> {
        std::array<std::byte, 1> one;
        WEFT_TRY(far.read_exactly(one, 5s));
        order += name;
        order += static_cast<char>(one[0]);
        return {};
      });
    };
    auto a = reader('a');
    weft::this_fiber::yield();
    auto b = reader('b');
    weft::this_fiber::yield();
    ASSERT_TRUE(near.write_all("1"sv));
    EXPECT_TRUE(a.join());
    ASSERT_TRUE(near.write_all("2"sv));
    EXPECT_TRUE(b.join());
    EXPECT_EQ(order, "a1b2");
  });
}

TEST_F(TcpStream, close_from_a_third_fiber_ends_reader_and_writer) {
  on_fiber([] {
    auto [near, far] = narrow_pair();
    fill(near);
    auto reader = weft::spawn([&] { return read_text(near, {}); });
    auto writer = weft::spawn([&] { return near.write_all(pattern(1 << 20)); });
    auto closer = weft::spawn([&] {
      for (int i = 0; i < 10; ++i) weft::this_fiber::yield();
      near.close();
    });
    EXPECT_EQ(failure(reader.join()), errc::closed);
    EXPECT_EQ(failure(writer.join()), errc::closed);
    closer.join();
    EXPECT_EQ(failure(read_text(near)), errc::closed);
    EXPECT_EQ(failure(near.write_all("x"sv)), errc::closed);
    EXPECT_EQ(failure(near.shutdown_write()), errc::closed);
    near.close();  // again does no harm
  });
}

TEST_F(TcpStream, close_from_another_worker_ends_reader_and_writer) {
  on_fiber(
      [] {
        auto [near, far] = narrow_pair();
        fill(near);
        auto reader = weft::spawn([&] { return read_text(near, {}); }, {.worker = 0});
        auto writer = weft::spawn([&] { return near.write_all(pattern(1 << 20)); }, {.worker = 1});
        auto closer = weft::spawn(
            [&] {
              (void)weft::this_fiber::sleep_for(5ms);
              near.close();
            },
            {.worker = 1});
        EXPECT_EQ(failure(reader.join()), errc::closed);
        EXPECT_EQ(failure(writer.join()), errc::closed);
        closer.join();
      },
      2);
}

TEST_F(TcpStream, a_read_ends_at_its_deadline_not_before_and_loses_nothing) {
  on_fiber([] {
    auto [near, far] = connected();
    const auto start = clock::now();
    EXPECT_EQ(failure(read_text(far, 30ms)), errc::deadline_exceeded);
    EXPECT_GE(clock::now() - start, 30ms);
    ASSERT_TRUE(near.write_all("late"sv));
    EXPECT_EQ(read_text(far), "late");
  });
}

TEST_F(TcpStream, a_write_ends_at_its_deadline_not_before) {
  on_fiber([] {
    auto [near, far] = narrow_pair();
    fill(near);
    const auto start = clock::now();
    EXPECT_EQ(failure(near.write_all(pattern(1 << 20), 30ms)), errc::deadline_exceeded);
    EXPECT_GE(clock::now() - start, 30ms);
  });
}

TEST_F(TcpStream, a_past_deadline_tries_once) {
  on_fiber([] {
    auto [near, far] = connected();
    EXPECT_EQ(failure(read_text(far, 0ms)), errc::deadline_exceeded);
    ASSERT_TRUE(near.write_all("now"sv, 0ms));
    ASSERT_TRUE(far.wait_readable(5s));
    EXPECT_EQ(read_text(far, 0ms), "now");
    EXPECT_EQ(failure(far.wait_readable(0ms)), errc::deadline_exceeded);
  });
}

TEST_F(TcpStream, wait_readable_takes_nothing) {
  on_fiber([] {
    auto [near, far] = connected();
    EXPECT_EQ(failure(far.wait_readable(5ms)), errc::deadline_exceeded);
    ASSERT_TRUE(near.write_all("x"sv));
    EXPECT_TRUE(far.wait_readable(5s));
    EXPECT_TRUE(far.wait_readable(5s));
    EXPECT_EQ(read_text(far), "x");
    near.close();
    EXPECT_TRUE(far.wait_readable(5s));  // the end can be read too
    EXPECT_EQ(read_text(far), "");
  });
}

TEST_F(TcpStream, a_stopped_fiber_leaves_its_read_and_its_write) {
  on_fiber([] {
    auto [near, far] = narrow_pair();
    fill(near);
    auto reader = weft::spawn([&] { return read_text(near, {}); });
    auto writer = weft::spawn([&] { return near.write_all(pattern(1 << 20)); });
    auto waiter = weft::spawn([&] { return near.wait_readable(); });
    for (int i = 0; i < 10; ++i) weft::this_fiber::yield();
    reader.request_stop();
    writer.request_stop();
    waiter.request_stop();
    EXPECT_EQ(failure(reader.join()), errc::canceled);
    EXPECT_EQ(failure(writer.join()), errc::canceled);
    EXPECT_EQ(failure(waiter.join()), errc::canceled);
    ASSERT_TRUE(far.write_all("still open"sv));
    EXPECT_EQ(read_text(near), "still open");
  });
}

TEST_F(TcpStream, connect_is_refused) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    const std::string at = listener->local_address();
    listener->close();
    EXPECT_EQ(failure(net::tcp_stream::connect(at, 5s)), std::errc::connection_refused);
  });
}

TEST_F(TcpStream, connect_to_nowhere_is_an_error) {
  on_fiber([] {
    const auto s = net::tcp_stream::connect("255.255.255.255:9", 5s);
    ASSERT_FALSE(s);
    EXPECT_TRUE(s.error() == std::errc::network_unreachable || s.error() == std::errc::permission_denied)
        << s.error().message();
  });
}

// A listener whose backlog is full lets the kernel drop what comes, as a host does that is not there.
TEST_F(TcpStream, connect_ends_at_its_deadline_not_before) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0", {.backlog = 0});
    ASSERT_TRUE(listener);
    const raw_peer first{listener->local_address()};
    const auto start = clock::now();
    result<net::tcp_stream> s = net::tcp_stream::connect(listener->local_address(), 100ms);
    if (s) s = net::tcp_stream::connect(listener->local_address(), 100ms);  // a backlog of 0 holds one
    ASSERT_FALSE(s);
    EXPECT_EQ(failure(s), errc::deadline_exceeded);
    EXPECT_GE(clock::now() - start, 100ms);

    auto canceled = weft::spawn([&]() -> result<void> {
      WEFT_TRY(net::tcp_stream::connect(listener->local_address()));
      return {};
    });
    for (int i = 0; i < 10; ++i) weft::this_fiber::yield();
    canceled.request_stop();
    EXPECT_EQ(failure(canceled.join()), errc::canceled);
  });
}

TEST_F(TcpStream, connect_takes_names) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    const std::string port = listener->local_address().substr(std::string_view{"127.0.0.1:"}.size());
    auto s = net::tcp_stream::connect("localhost:" + port, 5s);  // ::1 may come first, and is refused
    ASSERT_TRUE(s) << s.error().message();
    EXPECT_TRUE(listener->accept(5s));
  });
}

TEST_F(TcpStream, connect_says_what_is_wrong_with_a_name) {
  on_fiber([] {
    EXPECT_EQ(failure(net::tcp_stream::connect("localhost", 5s)), net::address_error::no_port);
    EXPECT_EQ(failure(net::tcp_stream::connect("localhost:http", 5s)), net::address_error::bad_port);
    EXPECT_EQ(failure(net::tcp_stream::connect("[::1", 5s)), net::address_error::unclosed_bracket);
    EXPECT_EQ(failure(net::tcp_stream::connect("::1:80", 5s)), net::address_error::missing_brackets);
    EXPECT_EQ(failure(net::tcp_stream::connect(std::string(300, 'x') + ":80", 5s)),
              net::address_error::bad_host);
    EXPECT_FALSE(net::tcp_stream::connect("no-such-host.invalid:80", 5s));
    EXPECT_EQ(failure(net::tcp_stream::connect("no-such-host.invalid:80", 0ms)), errc::deadline_exceeded);
  });
}

TEST_F(TcpStream, moves_and_leaves_nothing_behind) {
  on_fiber([] {
    auto [near, far] = connected();
    net::tcp_stream moved{std::move(near)};
    ASSERT_TRUE(moved.write_all("x"sv));
    EXPECT_EQ(read_text(far), "x");
    moved = std::move(far);  // closes what it was
    EXPECT_EQ(read_text(moved), "");
  });
}

TEST_F(TcpStream, text_and_bytes_both_make_a_byte_view) {
  const std::array<std::byte, 3> bytes{std::byte{'a'}, std::byte{'b'}, std::byte{'c'}};
  const std::string text = "abc";
  for (const byte_view v : {byte_view{bytes}, byte_view{std::span{bytes}}, byte_view{"abc"sv},
                            byte_view{text}, byte_view{std::span<const std::byte>{bytes}}})
    EXPECT_EQ(text_of(v), "abc");
  static_assert(!std::is_convertible_v<const char(&)[4], byte_view>,
                "the NUL at the end of a literal stays out");
}

// Signals that hit the worker in the middle of its waiting are nothing that a program sees.
TEST_F(TcpStream, signals_do_not_disturb) {
  struct sigaction quiet = {}, before;
  quiet.sa_handler = [](int) {};  // no SA_RESTART: system calls end with EINTR
  ASSERT_EQ(::sigaction(SIGURG, &quiet, &before), 0);
  on_fiber([] {
    auto [near, far] = connected();
    const pthread_t worker = ::pthread_self();
    sigset_t urgent, old;
    ::sigemptyset(&urgent);
    ::sigaddset(&urgent, SIGURG);
    ::pthread_sigmask(SIG_UNBLOCK, &urgent, &old);
    std::jthread pest{[&](std::stop_token stop) {
      while (!stop.stop_requested()) ::pthread_kill(worker, SIGURG), ::sched_yield();
    }};
    auto echo = weft::spawn([&]() -> result<void> {
      std::array<std::byte, 64> buffer;
      while (const std::size_t n = WEFT_TRY(far.read(buffer, 5s)))
        WEFT_TRY(far.write_all(std::span{buffer}.first(n)));
      return {};
    });
    for (int i = 0; i < 2000; ++i) {
      ASSERT_TRUE(near.write_all("ping"sv, 5s));
      std::array<std::byte, 4> back;
      const auto got = near.read_exactly(back, 5s);
      ASSERT_TRUE(got) << got.error().message();
    }
    near.close();
    EXPECT_TRUE(echo.join());
    pest.request_stop();
    pest.join();
    ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  });
  ::sigaction(SIGURG, &before, nullptr);
}

TEST_F(TcpStream, ten_thousand_connections_leave_nothing_behind) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    ASSERT_TRUE(listener);
    const std::size_t before = open_descriptors();
    for (int i = 0; i < 10'000; ++i) {
      auto near = net::tcp_stream::connect(listener->local_address(), 5s);
      ASSERT_TRUE(near) << i << ": " << near.error().message();
      auto far = listener->accept(5s);
      ASSERT_TRUE(far) << i << ": " << far.error().message();
      // The server's end goes first every other time; reset, so that no port stays in TIME_WAIT.
      ASSERT_TRUE(net::set_linger((i % 2 ? near : far)->native_handle(), std::chrono::seconds{0}));
      (i % 2 ? near : far)->close();
    }
    EXPECT_EQ(open_descriptors(), before);
  });
}

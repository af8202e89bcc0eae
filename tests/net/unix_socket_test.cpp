#include "net_fixture.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <thread>

#include <weft/net/unix_address.hpp>
#include <weft/net/unix_datagram.hpp>
#include <weft/net/unix_listener.hpp>
#include <weft/net/unix_stream.hpp>
#include <weft/runtime/spawn.hpp>
#include <weft/runtime/with_deadline.hpp>

using namespace weft::testing;
using weft::errc;
using weft::result;
namespace io = weft::io;
namespace net = weft::net;

namespace {

using clock = std::chrono::steady_clock;

// A folder of its own for each test, so that paths are short and nobody else's.
class UnixSocket : public NetTest {
 protected:
  UnixSocket() {
    EXPECT_NE(::mkdtemp(folder_), nullptr);
    path = std::string{folder_} + "/s";
  }
  ~UnixSocket() override {
    ::unlink(path.c_str());
    EXPECT_EQ(::rmdir(folder_), 0) << "a path was left behind";
  }
  bool path_is_there() const { return ::access(path.c_str(), F_OK) == 0; }

  std::string path;

 private:
  char folder_[32] = "/tmp/weft-unix-XXXXXX";
};
using UnixStream = UnixSocket;
using UnixListener = UnixSocket;
using UnixDatagram = UnixSocket;

result<std::string> read_text(net::unix_stream& from, weft::deadline until = 5s) {
  std::array<std::byte, 256> into;
  const std::size_t count = WEFT_TRY(from.read(into, until));
  return text_of(std::span{into}.first(count));
}

// A pipe with a byte in it, to be passed on.
struct filled_pipe {
  filled_pipe() {
    int fds[2];
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    out.reset(fds[0]);
    in.reset(fds[1]);
    EXPECT_EQ(::write(in.get(), "!", 1), 1);
  }
  io::owned_descriptor out, in;
};

bool same_file(int a, int b) {
  struct stat one, two;
  return ::fstat(a, &one) == 0 && ::fstat(b, &two) == 0 && one.st_ino == two.st_ino &&
         one.st_dev == two.st_dev;
}

}  // namespace

TEST(UnixAddress, comes_back_as_the_text_it_was) {
  for (const auto text : {"/run/weft.sock"sv, "weft.sock"sv, "@weft"sv, "@"sv, ""sv}) {
    const auto at = net::unix_address::parse(text);
    if (text.size() < 2) {
      EXPECT_EQ(failure(at), std::errc::invalid_argument);
      continue;
    }
    ASSERT_TRUE(at);
    EXPECT_EQ(at->string(), text);
    EXPECT_EQ(at->is_abstract(), text.starts_with('@'));
    EXPECT_EQ(at->path() != nullptr, !text.starts_with('@'));
    EXPECT_EQ(*at, *net::unix_address::parse(text));
  }
  EXPECT_TRUE(net::unix_address{}.is_unnamed());
  EXPECT_EQ(net::unix_address{}.string(), "");
}

TEST(UnixAddress, refuses_what_does_not_fit) {
  EXPECT_TRUE(net::unix_address::parse(std::string(107, 'x')));
  EXPECT_EQ(failure(net::unix_address::parse(std::string(108, 'x'))), std::errc::filename_too_long);
  EXPECT_EQ(failure(net::unix_address::parse("a\0b"sv)), std::errc::invalid_argument);
}

TEST_F(UnixStream, carries_bytes_both_ways_over_a_path_and_an_abstract_name) {
  const std::string abstract = "@" + path;
  for (const std::string& at : {path, abstract}) {
    on_fiber([&] {
      auto listener = net::unix_listener::bind(at);
      ASSERT_TRUE(listener) << listener.error().message();
      EXPECT_EQ(listener->local_address(), at);
      auto near = net::unix_stream::connect(at, 5s);
      ASSERT_TRUE(near) << near.error().message();
      auto far = listener->accept(5s);
      ASSERT_TRUE(far);
      ASSERT_TRUE(near->write_all("ping"sv));
      EXPECT_EQ(read_text(*far), "ping");
      ASSERT_TRUE(far->write_all("pong"sv));
      EXPECT_EQ(read_text(*near), "pong");
      ASSERT_TRUE(near->shutdown_write());
      EXPECT_EQ(read_text(*far), "");
    });
  }
}

TEST_F(UnixStream, connect_gives_the_error_of_the_kernel) {
  on_fiber([&] {
    EXPECT_EQ(failure(net::unix_stream::connect(path, 5s)), std::errc::no_such_file_or_directory);
    auto listener = net::unix_listener::bind(path);
    ::rename(path.c_str(), (path + "2").c_str());
    listener->close();
    EXPECT_EQ(failure(net::unix_stream::connect(path + "2", 5s)), std::errc::connection_refused);
    ::unlink((path + "2").c_str());
  });
}

TEST_F(UnixStream, connect_waits_while_the_backlog_is_full) {
  on_fiber([&] {
    auto listener = net::unix_listener::bind(path, {.backlog = 0});
    auto first = net::unix_stream::connect(path, 5s);
    ASSERT_TRUE(first);
    EXPECT_EQ(failure(net::unix_stream::connect(path, 20ms)), errc::deadline_exceeded);
    auto second = weft::spawn([&] { return net::unix_stream::connect(path, 5s); });
    auto stopped = weft::spawn([&] { return net::unix_stream::connect(path, 5s); });
    weft::this_fiber::yield();
    EXPECT_FALSE(second.joinable() && second.join(0ms).has_value());
    stopped.request_stop();
    EXPECT_EQ(failure(stopped.join()), errc::canceled);
    EXPECT_TRUE(listener->accept(5s));
    EXPECT_TRUE(second.join());
  });
}

TEST_F(UnixStream, passes_descriptors_with_bytes) {
  on_fiber([] {
    auto pair = net::unix_stream::pair();
    ASSERT_TRUE(pair);
    auto& [near, far] = *pair;
    filled_pipe pipe;
    ASSERT_TRUE(near.send("two"sv, std::array{pipe.out.get(), pipe.in.get()}, 5s));

    std::array<std::byte, 16> into;
    std::array<io::owned_descriptor, 4> got;
    const auto r = far.receive(into, got, 5s);
    ASSERT_TRUE(r) << r.error().message();
    EXPECT_EQ(text_of(std::span{into}.first(r->bytes)), "two");
    ASSERT_EQ(r->descriptors, 2u);
    EXPECT_FALSE(r->descriptors_lost);
    EXPECT_NE(got[0].get(), pipe.out.get());
    EXPECT_TRUE(same_file(got[0].get(), pipe.out.get()));
    EXPECT_NE(::fcntl(got[0].get(), F_GETFD) & FD_CLOEXEC, 0);
    char byte = 0;
    EXPECT_EQ(::read(got[0].get(), &byte, 1), 1);
    EXPECT_EQ(byte, '!');
  });
}

TEST_F(UnixStream, descriptors_that_have_no_room_are_closed_and_that_is_told) {
  on_fiber([] {
    auto pair = net::unix_stream::pair();
    auto& [near, far] = *pair;
    filled_pipe pipe;
    const std::array both{pipe.out.get(), pipe.in.get()};
    ASSERT_TRUE(near.send("x"sv, both, 5s));
    std::array<std::byte, 16> into;
    std::array<io::owned_descriptor, 1> got;
    const auto one = far.receive(into, got, 5s);
    ASSERT_TRUE(one);
    EXPECT_EQ(one->descriptors, 1u);
    EXPECT_TRUE(one->descriptors_lost);

    ASSERT_TRUE(near.send("x"sv, both, 5s));
    EXPECT_EQ(read_text(far), "x");  // and the fixture finds none left open
    near.close();
    const auto end = far.receive(into, got, 5s);
    ASSERT_TRUE(end);
    EXPECT_EQ(end->bytes, 0u);
    EXPECT_EQ(end->descriptors, 0u);
  });
}

TEST_F(UnixStream, sixteen_descriptors_arrive_in_order_before_a_long_message) {
  on_fiber([] {
    auto pair = net::unix_stream::pair();
    auto& [near, far] = *pair;
    std::array<filled_pipe, 16> pipes;
    std::array<int, 16> numbers;
    for (std::size_t i = 0; i < 16; ++i) numbers[i] = pipes[i].out.get();
    const auto data = pattern(1 << 20);  // more than the kernel takes at once
    auto sender = weft::spawn([&] { return near.send(data, numbers, 20s); });
    std::array<io::owned_descriptor, 16> got;
    std::vector<std::byte> bytes(data.size());
    const auto first = far.receive(bytes, got, 5s);
    ASSERT_TRUE(first);
    ASSERT_EQ(first->descriptors, 16u);
    for (std::size_t i = 0; i < 16; ++i) EXPECT_TRUE(same_file(got[i].get(), numbers[i]));
    EXPECT_TRUE(far.read_exactly(std::span{bytes}.subspan(first->bytes), 20s));
    EXPECT_TRUE(sender.join());
    EXPECT_TRUE(bytes == data);
  });
}

TEST_F(UnixStream, close_and_stop_and_deadline_end_a_receive) {
  on_fiber([] {
    auto pair = net::unix_stream::pair();
    auto& [near, far] = *pair;
    std::array<std::byte, 16> into;
    std::array<io::owned_descriptor, 1> got;
    const auto begin = clock::now();
    EXPECT_EQ(failure(far.receive(into, got, 20ms)), errc::deadline_exceeded);
    EXPECT_GE(clock::now() - begin, 20ms);
    auto stopped = weft::spawn([&] { return far.receive(into, got, 5s); });
    weft::this_fiber::yield();
    stopped.request_stop();
    EXPECT_EQ(failure(stopped.join()), errc::canceled);
    auto closed = weft::spawn([&] { return far.receive(into, got, 5s); });
    weft::this_fiber::yield();
    far.close();
    EXPECT_EQ(failure(closed.join()), errc::closed);
    EXPECT_EQ(failure(near.send("x"sv, {}, 5s)), std::errc::broken_pipe);
  });
}

TEST_F(UnixStream, the_kernel_says_who_is_there) {
  on_fiber([] {
    auto pair = net::unix_stream::pair();
    const auto who = pair->first.peer();
    ASSERT_TRUE(who);
    EXPECT_EQ(who->pid, ::getpid());
    EXPECT_EQ(who->uid, ::geteuid());
    EXPECT_EQ(who->gid, ::getegid());
    pair->first.close();
    EXPECT_EQ(failure(pair->first.peer()), std::errc::bad_file_descriptor);
  });
}

TEST_F(UnixStream, works_from_foreign_threads) {
  auto pair = net::unix_stream::pair();
  auto& [near, far] = *pair;
  std::thread sender{[&] {
    filled_pipe pipe;
    EXPECT_TRUE(near.send("hello"sv, std::array{pipe.out.get()}, 5s));
  }};
  std::array<std::byte, 16> into;
  std::array<io::owned_descriptor, 1> got;
  const auto r = far.receive(into, got, 5s);
  sender.join();
  ASSERT_TRUE(r);
  EXPECT_EQ(r->bytes, 5u);
  EXPECT_TRUE(got[0]);
  EXPECT_EQ(failure(far.receive(into, got, 20ms)), errc::deadline_exceeded);
}

TEST_F(UnixListener, a_path_is_had_by_one_and_goes_with_its_socket) {
  on_fiber([&] {
    auto listener = net::unix_listener::bind(path);
    ASSERT_TRUE(listener);
    EXPECT_TRUE(path_is_there());
    EXPECT_EQ(failure(net::unix_listener::bind(path)), std::errc::address_in_use);
    EXPECT_TRUE(path_is_there());
    listener->close();
    EXPECT_FALSE(path_is_there());
    auto next = net::unix_listener::bind(path);
    ASSERT_TRUE(next);
    listener->close();  // once more: the path is somebody else's by now
    EXPECT_TRUE(path_is_there());
  });
  EXPECT_FALSE(path_is_there());
}

TEST_F(UnixListener, a_path_that_another_took_over_stays) {
  on_fiber([&] {
    auto first = net::unix_listener::bind(path);
    ::unlink(path.c_str());
    auto second = net::unix_listener::bind(path);
    ASSERT_TRUE(second);
    first->close();
    EXPECT_TRUE(path_is_there());
  });
}

// Bound and never listening: what a process leaves behind that is killed.
TEST_F(UnixListener, a_socket_that_was_left_behind_is_replaced) {
  const auto at = *net::unix_address::parse(path);
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    const io::owned_descriptor dead{::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)};
    ASSERT_EQ(::bind(dead.get(), at.data(), at.size()), 0);
    if (type == SOCK_DGRAM) {  // lives, though it does not listen
      EXPECT_EQ(failure(net::unix_listener::bind(path)), std::errc::address_in_use);
      EXPECT_TRUE(path_is_there());
      continue;
    }
    const auto listener = net::unix_listener::bind(path);
    ASSERT_TRUE(listener) << listener.error().message();
    EXPECT_TRUE(path_is_there());
  }
}

TEST_F(UnixListener, what_is_no_socket_is_not_replaced) {
  const io::owned_descriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
  EXPECT_EQ(failure(net::unix_listener::bind(path)), std::errc::address_in_use);
  EXPECT_TRUE(path_is_there());
}

// Only one of those who find a dead one at the same time may replace it, or the last unlinks what lives.
TEST_F(UnixListener, a_dead_socket_is_replaced_by_one_at_a_time) {
  const auto at = *net::unix_address::parse(path);
  const io::owned_descriptor dead{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  ASSERT_EQ(::bind(dead.get(), at.data(), at.size()), 0);
  const std::string folder = path.substr(0, path.rfind('/'));
  const io::owned_descriptor rival{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  ASSERT_EQ(::flock(rival.get(), LOCK_EX), 0);
  EXPECT_EQ(failure(net::unix_listener::bind(path)), std::errc::address_in_use);
  ASSERT_EQ(::flock(rival.get(), LOCK_UN), 0);
  EXPECT_TRUE(net::unix_listener::bind(path));
}

TEST_F(UnixListener, adopts_an_inherited_socket_and_leaves_its_path_to_its_maker) {
  on_fiber([&] {
    for (const bool owns_path : {false, true}) {
      auto made = net::unix_listener::bind(path);
      ASSERT_TRUE(made);
      auto copies = made->sockets();
      ASSERT_TRUE(copies);
      ASSERT_EQ(copies->size(), 1u);
      EXPECT_TRUE(same_file(copies->front().get(), made->native_handle()));
      EXPECT_NE(::fcntl(copies->front().get(), F_GETFD) & FD_CLOEXEC, 0);
      made->keep_path();
      made->close();
      EXPECT_EQ(failure(made->sockets()), errc::closed);
      EXPECT_TRUE(path_is_there());

      const std::string name = "fd:" + std::to_string(copies->front().release());
      auto adopted = net::unix_listener::bind(name, {.owns_path = owns_path});
      ASSERT_TRUE(adopted) << adopted.error().message();
      EXPECT_EQ(adopted->local_address(), path);
      auto client = net::unix_stream::connect(path, 5s);
      EXPECT_TRUE(client);
      EXPECT_TRUE(adopted->accept(5s));
      adopted->close();
      EXPECT_EQ(path_is_there(), !owns_path);
    }
    EXPECT_EQ(failure(net::unix_listener::bind("fd:x")), std::errc::bad_file_descriptor);
    auto tcp = net::tcp_listener::bind("127.0.0.1:0");
    EXPECT_EQ(failure(net::unix_listener::bind("fd:" + std::to_string(tcp->native_handle()))),
              std::errc::address_family_not_supported);
  });
}

TEST_F(UnixListener, serves_connections_on_all_workers_until_closed) {
  on_fiber(
      [&] {
        auto listener = net::unix_listener::bind(path);
        auto serving = weft::spawn([&] {
          return listener->serve([](net::unix_stream s) -> result<void> {
            std::array<std::byte, 64> buffer;
            while (const std::size_t n = WEFT_TRY(s.read(buffer, 5s)))
              WEFT_TRY(s.write_all(std::span{buffer}.first(n), 5s));
            return {};
          });
        });
        std::atomic<int> answered{0};  // std::atomic: the test's own
        std::vector<weft::task<result<void>>> clients;
        for (int i = 0; i < 50; ++i) {
          clients.push_back(weft::spawn([&]() -> result<void> {
            auto s = WEFT_TRY(net::unix_stream::connect(path, 10s));
            WEFT_TRY(s.write_all("hello"sv, 10s));
            std::array<std::byte, 5> got;
            WEFT_TRY(s.read_exactly(got, 10s));
            if (text_of(got) == "hello") ++answered;
            return {};
          }));
        }
        for (auto& c : clients) {
          const auto r = c.join();
          EXPECT_TRUE(r) << r.error().message();
        }
        EXPECT_EQ(answered.load(), 50);
        listener->close();
        EXPECT_TRUE(serving.join());
      },
      3);
}

TEST_F(UnixListener, close_ends_accept) {
  on_fiber([&] {
    auto listener = net::unix_listener::bind(path);
    auto accepting = weft::spawn([&] { return listener->accept(5s); });
    weft::this_fiber::yield();
    listener->close();
    EXPECT_EQ(failure(accepting.join()), errc::closed);
    EXPECT_EQ(failure(listener->accept(5s)), errc::closed);
  });
}

TEST_F(UnixDatagram, arrives_whole_and_says_from_where) {
  on_fiber([&] {
    auto server = net::unix_datagram::bind(path);
    ASSERT_TRUE(server) << server.error().message();
    auto client = net::unix_datagram::bind("@" + path);
    ASSERT_TRUE(client);
    ASSERT_TRUE(client->send_to("one"sv, *net::unix_address::parse(path), 5s));
    ASSERT_TRUE(client->send_to(""sv, *net::unix_address::parse(path), 5s));
    std::array<std::byte, 16> into;
    const auto first = server->recv_from(into, 5s);
    ASSERT_TRUE(first) << first.error().message();
    EXPECT_EQ(text_of(std::span{into}.first(first->size)), "one");
    EXPECT_EQ(first->from.string(), "@" + path);
    const auto empty = server->recv_from(into, 5s);
    ASSERT_TRUE(empty);
    EXPECT_EQ(empty->size, 0u);
    ASSERT_TRUE(server->send_to("back"sv, first->from, 5s));
    EXPECT_EQ(client->recv(into, 5s)->size, 4u);
    auto nameless = net::unix_datagram::open();
    ASSERT_TRUE(nameless->connect(path));
    ASSERT_TRUE(nameless->send("x"sv, 5s));
    EXPECT_TRUE(server->recv_from(into, 5s)->from.is_unnamed());
  });
  EXPECT_FALSE(path_is_there());
}

TEST_F(UnixDatagram, a_long_one_is_cut_and_that_is_told) {
  on_fiber([] {
    auto pair = net::unix_datagram::pair();
    ASSERT_TRUE(pair->first.send("long"sv, 5s));
    ASSERT_TRUE(pair->first.send("fits"sv, 5s));
    std::array<std::byte, 3> three;
    const auto cut = pair->second.recv(three, 5s);
    ASSERT_TRUE(cut);
    EXPECT_EQ(cut->size, 3u);
    EXPECT_TRUE(cut->truncated);
    std::array<std::byte, 4> four;
    EXPECT_FALSE(pair->second.recv(four, 5s)->truncated);
  });
}

// The kernel calls an unconnected socket writable whatever the receiver's queue: the wait must neither spin
// nor hang.
TEST_F(UnixDatagram, waits_for_room_in_the_receivers_queue_connected_or_not) {
  for (const bool connected : {true, false}) {
    on_fiber([&] {
      auto server = net::unix_datagram::bind(path);
      auto client = net::unix_datagram::open();
      const auto to = *net::unix_address::parse(path);
      if (connected) ASSERT_TRUE(client->connect(path));
      const auto send = [&](weft::deadline until) {
        return connected ? client->send("x"sv, until) : client->send_to("x"sv, to, until);
      };
      int sent = 0;
      while (send(0ms)) ++sent;
      EXPECT_GT(sent, 0);
      const auto begin = clock::now();
      EXPECT_EQ(failure(send(30ms)), errc::deadline_exceeded);
      EXPECT_GE(clock::now() - begin, 30ms);
      EXPECT_EQ(failure(weft::with_deadline(weft::deadline{30ms}, [&] { return send({}); })),
                errc::deadline_exceeded);
      auto stopped = weft::spawn([&] { return send(5s); });
      weft::this_fiber::sleep_for(5ms);
      stopped.request_stop();
      EXPECT_EQ(failure(stopped.join()), errc::canceled);
      auto waiting = weft::spawn([&] { return send(5s); });
      weft::this_fiber::yield();
      std::array<std::byte, 1> one;
      for (int i = 0; i < sent; ++i) ASSERT_TRUE(server->recv(one, 5s));
      EXPECT_TRUE(waiting.join());
      ASSERT_TRUE(server->recv(one, 5s));
      while (send(0ms)) {}
      auto closed = weft::spawn([&] { return send(5s); });
      weft::this_fiber::yield();
      client->close();
      EXPECT_EQ(failure(closed.join()), errc::closed);
    });
  }
}

// The kernel tells one of those who wait at a socket of a connection. If that one stops just then, the other
// hears nothing. Several moments are tried, since it takes one between two looks at the ring.
TEST_F(UnixListener, a_connection_is_not_lost_when_one_of_two_who_share_the_socket_stops) {
  weft::runtime other{{.workers = 1}};
  for (int moment = 0; moment < 6; ++moment) {
    on_fiber([&other, moment] {
      const std::string at = "@weft-shared-" + std::to_string(::getpid());
      auto first = net::unix_listener::bind(at).value();
      const auto copies = first.sockets().value();
      const int copy = ::fcntl(copies.front().get(), F_DUPFD_CLOEXEC, 0);
      auto second = net::unix_listener::bind("fd:" + std::to_string(copy)).value();
      const auto greet = [](net::unix_stream s) { (void)s.write_all("hello"sv, 5s); };
      auto serving = weft::spawn([&] { return first.serve(greet); });
      auto greeted = net::unix_stream::connect(at, 5s).value();
      EXPECT_EQ(read_text(greeted).value(), "hello");
      auto serving_too = other.spawn([&] { return second.serve(greet); });
      weft::this_fiber::sleep_for(20ms);  // real time: most likely it waits by then, behind the first
      const weft::io::owned_descriptor client{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
      const auto address = net::unix_address::parse(at).value();
      first.close();
      for (int i = 0; i < moment; ++i) weft::this_fiber::yield();
      ASSERT_EQ(::connect(client.get(), address.data(), address.size()), 0);
      EXPECT_TRUE(serving.join());
      pollfd answer{.fd = client.get(), .events = POLLIN, .revents = 0};
      EXPECT_EQ(::poll(&answer, 1, 5000), 1) << "nobody serves it, " << moment;
      second.close();
      EXPECT_TRUE(serving_too.join());
    });
  }
}

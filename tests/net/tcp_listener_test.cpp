#include "net_fixture.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <weft/net/socket_options.hpp>

using namespace weft::testing;
using weft::errc;
using weft::result;
namespace net = weft::net;

namespace {

using clock = std::chrono::steady_clock;
class TcpListener : public NetTest {};

result<void> echo(net::tcp_stream s) {
  std::array<std::byte, 256> buffer;
  while (const std::size_t n = WEFT_TRY(s.read(buffer, 20s)))
    WEFT_TRY(s.write_all(std::span{buffer}.first(n)));
  return {};
}

// One question and its answer, over a connection of its own or one that is there.
result<void> ask(net::tcp_stream& s, std::string_view text) {
  WEFT_TRY(s.write_all(text, 10s));
  std::vector<std::byte> back(text.size());
  WEFT_TRY(s.read_exactly(back, 10s));
  EXPECT_EQ(text_of(back), text);
  return {};
}

result<net::tcp_stream> client_of(const std::string& at) { return net::tcp_stream::connect(at, 10s); }

// What the error sink has heard.
std::mutex reports_lock;
std::vector<std::string> reports;
void remember(std::string_view report) {
  const std::lock_guard guard{reports_lock};
  reports.emplace_back(report);
}

// A serving listener on a fiber of its own; ends with the test.
template <class F>
struct server {
  explicit server(F f, net::listen_options options = {})
      : listener{*net::tcp_listener::bind("127.0.0.1:0", options)} {
    serving = weft::spawn([this, f] { return listener.serve(f); });
  }
  result<void> stop() {
    listener.close();
    return serving.join();
  }
  std::string at = {};
  net::tcp_listener listener;
  weft::task<result<void>> serving;
};

}  // namespace

TEST_F(TcpListener, says_where_it_listens) {
  on_fiber([] {
    const auto listener = net::tcp_listener::bind("127.0.0.1:0");
    ASSERT_TRUE(listener);
    const auto at = net::address::parse(listener->local_address());
    ASSERT_TRUE(at);
    EXPECT_EQ(*at, at->with_port(at->port()));
    EXPECT_NE(at->port(), 0);
    EXPECT_TRUE(at->is_loopback());
  });
}

TEST_F(TcpListener, bind_gives_the_error_of_the_kernel) {
  on_fiber([] {
    const auto listener = net::tcp_listener::bind("127.0.0.1:0");
    EXPECT_EQ(failure(net::tcp_listener::bind(listener->local_address())), std::errc::address_in_use);
    EXPECT_EQ(failure(net::tcp_listener::bind("here")), net::address_error::no_port);
    EXPECT_EQ(failure(net::tcp_listener::bind("fd:9999")), std::errc::bad_file_descriptor);
  });
}

TEST_F(TcpListener, accept_ends_at_its_deadline_not_before) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    const auto start = clock::now();
    EXPECT_EQ(failure(listener->accept(30ms)), errc::deadline_exceeded);
    EXPECT_GE(clock::now() - start, 30ms);
    EXPECT_EQ(failure(listener->accept(0ms)), errc::deadline_exceeded);
    auto near = client_of(listener->local_address());
    EXPECT_TRUE(listener->accept(5s));
  });
}

TEST_F(TcpListener, close_ends_accept) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    auto waiting = weft::spawn([&]() -> result<void> {
      WEFT_TRY(listener->accept());
      return {};
    });
    for (int i = 0; i < 10; ++i) weft::this_fiber::yield();
    listener->close();
    EXPECT_EQ(failure(waiting.join()), errc::closed);
    EXPECT_EQ(failure(listener->accept(5s)), errc::closed);
    EXPECT_EQ(failure(listener->serve(echo)), errc::closed);
    listener->close();
  });
}

TEST_F(TcpListener, a_stopped_fiber_leaves_accept) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    auto waiting = weft::spawn([&]() -> result<void> {
      WEFT_TRY(listener->accept());
      return {};
    });
    for (int i = 0; i < 10; ++i) weft::this_fiber::yield();
    waiting.request_stop();
    EXPECT_EQ(failure(waiting.join()), errc::canceled);
  });
}

// A client that has gone again before it was accepted is no reason for accept to fail.
TEST_F(TcpListener, accept_survives_clients_that_reset) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    for (int i = 0; i < 20; ++i) raw_peer{listener->local_address()}.reset();
    auto near = client_of(listener->local_address());
    ASSERT_TRUE(near);
    ASSERT_TRUE(near->write_all("here"sv));
    for (;;) {
      auto far = listener->accept(5s);
      ASSERT_TRUE(far) << far.error().message();
      std::array<std::byte, 4> got;
      if (far->read_exactly(got, 5s)) break;
    }
  });
}

TEST_F(TcpListener, serves_on_any_number_of_workers) {
  for (unsigned workers = 1; workers <= 4; ++workers)
    on_fiber(
        [] {
          server s{echo};
          const std::string at = s.listener.local_address();
          std::vector<weft::task<result<void>>> clients;
          for (int i = 0; i < 100; ++i)
            clients.push_back(weft::spawn([&at]() -> result<void> {
              auto c = WEFT_TRY(client_of(at));
              for (int k = 0; k < 5; ++k) WEFT_TRY(ask(c, "hello"));
              return {};
            }));
          for (auto& c : clients) {
            const auto r = c.join();
            EXPECT_TRUE(r) << r.error().message();
          }
          const auto ended = s.stop();
          EXPECT_TRUE(ended) << ended.error().message();
        },
        workers);
}

// An inherited socket cannot be joined by others: one worker accepts, all serve.
TEST_F(TcpListener, serves_an_inherited_socket) {
  const int made = ::socket(AF_INET, SOCK_STREAM, 0);
  const auto any = net::address::loopback_v4(0);
  ASSERT_EQ(::bind(made, any.data(), any.size()), 0);
  ASSERT_EQ(::listen(made, 128), 0);
  const std::string at = net::address::local_of(made)->string();
  weft::run(
      [&] {
        auto listener = net::tcp_listener::bind("fd:" + std::to_string(made));
        ASSERT_TRUE(listener) << listener.error().message();
        std::mutex lock;
        std::map<std::thread::id, unsigned> at_worker;
        auto serving = weft::spawn([&] {
          return listener->serve([&](net::tcp_stream stream) {
            {
              const std::lock_guard guard{lock};
              ++at_worker[std::this_thread::get_id()];
            }
            return echo(std::move(stream));
          });
        });
        std::vector<net::tcp_stream> held;
        for (int i = 0; i < 50; ++i) {
          auto c = client_of(at);
          ASSERT_TRUE(c);
          EXPECT_TRUE(ask(*c, "hello"));
          held.push_back(std::move(*c));
        }
        {
          const std::lock_guard guard{lock};
          EXPECT_EQ(at_worker.size(), 2u);
        }
        held.clear();
        listener->close();
        EXPECT_TRUE(serving.join());
      },
      weft::options{.workers = 2});
}

TEST_F(TcpListener, connections_are_balanced_by_count) {
  static constexpr unsigned workers = 4, connections = 400;
  on_fiber(
      [] {
        std::mutex lock;
        std::map<std::thread::id, unsigned> at_worker;
        server s{[&](net::tcp_stream stream) {
          {
            const std::lock_guard guard{lock};
            ++at_worker[std::this_thread::get_id()];
          }
          return echo(std::move(stream));
        }};
        const std::string at = s.listener.local_address();
        std::vector<net::tcp_stream> held;
        for (unsigned i = 0; i < connections; ++i) {
          auto c = client_of(at);
          ASSERT_TRUE(c);
          ASSERT_TRUE(ask(*c, "x"));
          held.push_back(std::move(*c));
        }
        {
          const std::lock_guard guard{lock};
          ASSERT_EQ(at_worker.size(), workers);
          for (const auto& [id, count] : at_worker) {
            EXPECT_LE(count, connections / workers + 10);  // 8 above the mean, and what was under way
            EXPECT_GE(count, connections / workers - 30);
          }
        }
        held.clear();
        EXPECT_TRUE(s.stop());
      },
      workers);
}

TEST_F(TcpListener, close_from_another_thread_ends_serve) {
  on_fiber(
      [] {
        auto listener = net::tcp_listener::bind("127.0.0.1:0");
        std::jthread closer;
        auto first = weft::spawn([&] { closer = std::jthread{[&] { listener->close(); }}; });
        EXPECT_TRUE(listener->serve(echo));
        first.join();
      },
      2);
}

TEST_F(TcpListener, close_before_serve_has_begun_is_not_lost) {
  for (int i = 0; i < 20; ++i)
    on_fiber(
        [] {
          auto listener = net::tcp_listener::bind("127.0.0.1:0");
          auto serving = weft::spawn([&] { return listener->serve(echo); });
          listener->close();
          const auto ended = serving.join();
          if (!ended) {
            EXPECT_EQ(failure(ended), errc::closed);
          }
        },
        2);
}

TEST_F(TcpListener, serve_waits_for_its_connections_after_close) {
  on_fiber(
      [] {
        server s{echo, {.drain = 20s}};
        auto c = client_of(s.listener.local_address());
        ASSERT_TRUE(c);
        ASSERT_TRUE(ask(*c, "before"));
        s.listener.close();
        for (int i = 0; i < 10; ++i) weft::this_fiber::yield();
        EXPECT_TRUE(ask(*c, "during the drain"));
        EXPECT_TRUE(s.serving.joinable());
        c->close();
        EXPECT_TRUE(s.serving.join());
      },
      2);
}

TEST_F(TcpListener, the_drain_ends_not_early_and_then_cancels_connections) {
  on_fiber(
      [] {
        std::atomic<int> canceled = 0;
        server s{[&](net::tcp_stream stream) -> result<void> {
                   std::array<std::byte, 1> byte;
                   WEFT_TRY(stream.read(byte));
                   WEFT_TRY(stream.write_all(byte));
                   const auto r = stream.read(byte);
                   if (!r && r.error() == errc::canceled) ++canceled;
                   return {};
                 },
                 {.drain = 50ms}};
        std::vector<net::tcp_stream> held;
        for (int i = 0; i < 20; ++i) {
          auto c = client_of(s.listener.local_address());
          ASSERT_TRUE(c);
          ASSERT_TRUE(ask(*c, "x"));
          held.push_back(std::move(*c));
        }
        const auto start = clock::now();
        s.listener.close();
        EXPECT_TRUE(s.serving.join());
        EXPECT_GE(clock::now() - start, 50ms);
        EXPECT_EQ(canceled, 20);
      },
      2);
}

TEST_F(TcpListener, a_stopped_serve_drains_and_says_canceled) {
  on_fiber(
      [] {
        server s{echo, {.drain = 20ms}};
        auto c = client_of(s.listener.local_address());
        ASSERT_TRUE(c);
        ASSERT_TRUE(ask(*c, "x"));
        s.serving.request_stop();
        EXPECT_EQ(failure(s.serving.join()), errc::canceled);
      },
      2);
}

TEST_F(TcpListener, a_failing_connection_does_not_end_the_server_and_is_reported) {
  reports.clear();
  weft::run(
      [] {
        server s{[](net::tcp_stream stream) -> result<void> {
          std::array<std::byte, 1> kind;
          WEFT_TRY(stream.read_exactly(kind, 10s));
          switch (static_cast<char>(kind[0])) {
            case 't': throw std::runtime_error{"thrown by a handler"};
            case 'e': return std::unexpected(std::make_error_code(std::errc::no_space_on_device));
            case 'c': return std::unexpected(errc::closed);
            case 'd': return std::unexpected(errc::deadline_exceeded);
            default: return stream.write_all(kind);
          }
        }};
        for (const auto kind : {"t"sv, "e"sv, "c"sv, "d"sv}) {
          auto c = client_of(s.listener.local_address());
          ASSERT_TRUE(c);
          ASSERT_TRUE(c->write_all(kind));
          std::array<std::byte, 1> none;
          EXPECT_EQ(*c->read(none, 10s), 0u);
        }
        raw_peer{s.listener.local_address()}.reset();
        auto c = client_of(s.listener.local_address());
        EXPECT_TRUE(ask(*c, "x"));
        c->close();
        EXPECT_TRUE(s.stop());
      },
      weft::options{.workers = 2, .error_sink = remember});
  const auto heard = [](std::string_view part) {
    return std::count_if(reports.begin(), reports.end(),
                         [&](const auto& r) { return r.find(part) != r.npos; });
  };
  EXPECT_EQ(reports.size(), 2u);  // what peers do, and deadlines, are no news
  EXPECT_EQ(heard("thrown by a handler"), 1);
  EXPECT_EQ(heard(std::make_error_code(std::errc::no_space_on_device).message()), 1);
}

// More clients than there may be fibers: accepting waits, nobody is lost, and each is served when there is
// room.
TEST_F(TcpListener, serves_all_though_fibers_are_limited) {
  weft::run(
      [] {
        server s{echo};
        std::vector<raw_peer> clients;
        for (int i = 0; i < 60; ++i) clients.emplace_back(s.listener.local_address());
        for (const raw_peer& c : clients) {
          ASSERT_TRUE(c.connected());
          ASSERT_EQ(::send(c.fd(), "x", 1, MSG_NOSIGNAL), 1);
        }
        while (!clients.empty()) {
          (void)weft::this_fiber::sleep_for(1ms);  // real time: the kernel's
          std::erase_if(clients, [](const raw_peer& c) {
            char byte;
            return ::recv(c.fd(), &byte, 1, MSG_DONTWAIT) == 1;
          });
        }
        EXPECT_TRUE(s.stop());
      },
      weft::options{.workers = 2, .fibers_max = 12});
}

// A low limit on descriptors while it lives. (Set before the server starts: the ring remembers the limit of
// the moment in which an accept was armed.)
class few_descriptors {
 public:
  few_descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::dup(0);
    ::close(next);
    const rlimit tight{static_cast<rlim_t>(next) + 64, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &tight);
  }
  ~few_descriptors() {
    give_back();
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }

  void take_all() {
    for (int fd; (fd = ::dup(0)) >= 0;) taken_.push_back(fd);
  }
  void give_back() {
    for (const int fd : taken_) ::close(fd);
    taken_.clear();
  }

 private:
  rlimit before_;
  std::vector<int> taken_;
};

std::chrono::microseconds cpu_time() {
  rusage used;
  ::getrusage(RUSAGE_SELF, &used);
  return std::chrono::seconds{used.ru_utime.tv_sec + used.ru_stime.tv_sec} +
         std::chrono::microseconds{used.ru_utime.tv_usec + used.ru_stime.tv_usec};
}

// Whether its peer has closed or reset it, within two seconds.
bool is_turned_away(const raw_peer& client) {
  for (int i = 0; i < 400; ++i) {
    char byte;
    const auto n = ::recv(client.fd(), &byte, 1, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno == ECONNRESET)) return true;
    (void)weft::this_fiber::sleep_for(5ms);
  }
  return false;
}

// With no descriptor left, clients are turned away rather than left hanging, nothing spins, and it goes on by
// itself when there are descriptors again.
TEST_F(TcpListener, serve_survives_running_out_of_descriptors) {
  on_fiber([] {
    few_descriptors descriptors;
    server s{echo};
    const std::string at = s.listener.local_address();
    auto first = client_of(at);
    ASSERT_TRUE(first);
    EXPECT_TRUE(ask(*first, "first"));
    raw_peer stranded[] = {raw_peer::unconnected(), raw_peer::unconnected(), raw_peer::unconnected()};
    descriptors.take_all();
    for (raw_peer& client : stranded) ASSERT_TRUE(client.connect(at));
    for (const raw_peer& client : stranded) EXPECT_TRUE(is_turned_away(client));
    EXPECT_TRUE(ask(*first, "who is there is served"));
    const auto used = cpu_time();
    (void)weft::this_fiber::sleep_for(300ms);
    EXPECT_LT(cpu_time() - used, 100ms) << "it spins";
    descriptors.give_back();
    auto after = client_of(at);
    ASSERT_TRUE(after);
    EXPECT_TRUE(ask(*after, "and again"));
    first->close();
    after->close();
    EXPECT_TRUE(s.stop());
  });
}

TEST_F(TcpListener, accept_survives_running_out_of_descriptors) {
  on_fiber([] {
    few_descriptors descriptors;
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    raw_peer stranded = raw_peer::unconnected();
    descriptors.take_all();
    ASSERT_TRUE(stranded.connect(listener->local_address()));
    const auto start = clock::now();
    EXPECT_EQ(failure(listener->accept(50ms)), errc::deadline_exceeded);
    EXPECT_GE(clock::now() - start, 50ms);
    EXPECT_TRUE(is_turned_away(stranded));
    EXPECT_EQ(failure(listener->accept(0ms)), errc::deadline_exceeded);
    descriptors.give_back();
    auto near = client_of(listener->local_address());
    EXPECT_TRUE(listener->accept(5s));
  });
}

// Ten thousand fibers wait in reads (as many as this process may have connections); stopping the runtime ends
// them all, whatever they wait for.
TEST_F(TcpListener, stop_ends_thousands_of_waiting_connections) {
  rlimit limit;
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const int count = static_cast<int>(std::min<rlim_t>(10'000, (limit.rlim_cur - 200) / 2));
  const std::size_t before = open_descriptors();
  {
    std::atomic<int> waiting = 0, ended = 0;
    weft::runtime rt{weft::options{.workers = 2}};
    std::vector<raw_peer> peers;
    auto listener = rt.block_on([&] { return net::tcp_listener::bind("127.0.0.1:0", {.drain = 0s}); });
    ASSERT_TRUE(listener);
    rt.go([&]() -> result<void> {
      (void)listener->serve([&](net::tcp_stream s) -> result<void> {
        std::array<std::byte, 1> byte;
        ++waiting;
        (void)s.read(byte);
        ++ended;
        return {};
      });
      return {};
    });
    for (int i = 0; i < count; ++i) peers.emplace_back(listener->local_address());
    rt.block_on([&] {
      while (waiting != count) weft::this_fiber::yield();
    });
    const auto stopped = rt.stop(10s);
    EXPECT_TRUE(stopped) << stopped.error().message();
    EXPECT_EQ(ended, count);
    peers.clear();
    listener->close();
  }
  EXPECT_EQ(open_descriptors(), before);
}

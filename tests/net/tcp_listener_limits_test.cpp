// Listeners where there are fewer fibers or descriptors than clients, and with thousands of connections.
#include "listener_fixture.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <vector>

#include <reports.hpp>
#include <resource_limit.hpp>

using namespace weft::testing;
using weft::errc;
using weft::result;
namespace net = weft::net;

namespace {

using clock = std::chrono::steady_clock;

// A low limit on descriptors while it lives, and all below it taken on demand. (Made before the server
// starts: the ring remembers the limit of the moment in which an accept was armed.)
class few_descriptors {
 public:
  ~few_descriptors() { give_back(); }

  void take_all() {
    for (int fd; (fd = ::dup(0)) >= 0;) taken_.push_back(fd);
  }
  void give_back() {
    for (const int fd : taken_) ::close(fd);
    taken_.clear();
  }

 private:
  static rlim_t next_free() {
    const int next = ::dup(0);
    ::close(next);
    return static_cast<rlim_t>(next);
  }

  weft_test::resource_limit limit_{RLIMIT_NOFILE, next_free() + 64};
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

}  // namespace

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

TEST_F(TcpListener, says_once_that_clients_are_turned_away) {
  weft_test::reports::clear();
  weft::options o;
  o.workers = 1;
  o.error_sink = weft_test::reports::sink;
  weft::run(
      [] {
        few_descriptors descriptors;
        server s{echo};
        raw_peer stranded[] = {raw_peer::unconnected(), raw_peer::unconnected()};
        descriptors.take_all();
        for (raw_peer& client : stranded) ASSERT_TRUE(client.connect(s.listener.local_address()));
        for (const raw_peer& client : stranded) EXPECT_TRUE(is_turned_away(client));
        descriptors.give_back();
        EXPECT_TRUE(s.stop());
      },
      o);
  const auto said = weft_test::reports::take();
  EXPECT_EQ(weft_test::reports::with(said, "turned away: no descriptor left: raise RLIMIT_NOFILE"), 1u);
  EXPECT_EQ(said.size(), 1u);
}

TEST_F(TcpListener, accept_survives_running_out_of_descriptors) {
  on_fiber([] {
    few_descriptors descriptors;
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    // UBSan needs a descriptor to meet a category of errors: it meets both now.
    EXPECT_EQ(failure(listener->accept(0ms)), errc::deadline_exceeded);
    EXPECT_NE(failure(net::tcp_stream::connect("127.0.0.1:1")), errc::closed);
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

#include "listener_fixture.hpp"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include <weft/net/connection_pool.hpp>
#include <weft/net/resolver.hpp>
#include <weft/net/unix_listener.hpp>
#include <weft/pools/pool_registry.hpp>
#include <weft/runtime/blocking.hpp>

using namespace weft::testing;
using weft::errc;
using weft::exhaustion;
using weft::result;
namespace net = weft::net;

namespace {

static_assert(std::is_nothrow_move_constructible_v<net::pooled_stream> &&
              !std::is_copy_constructible_v<net::pooled_stream>);
static_assert(!std::is_move_constructible_v<net::connection_pool>);

class ConnectionPool : public NetTest {};
using ConnectionPoolDeathTest = ConnectionPool;

// A clock that stands until it is turned.
std::chrono::steady_clock::time_point test_time;
net::connection_pool_options by_test_clock(net::connection_pool_options options = {}) {
  options.now = [] { return test_time; };
  return options;
}

auto count_and_echo(std::atomic<int>& accepted) {
  return [&accepted](net::tcp_stream s) {
    ++accepted;
    return echo(std::move(s));
  };
}

// What the peer did has arrived.
void await_news(int fd) {
  pollfd of{.fd = fd, .events = POLLIN | POLLRDHUP, .revents = 0};
  ASSERT_EQ(::poll(&of, 1, 5000), 1);
}

// A connection that stands idle in `pool`, its descriptor, and its other end.
struct idle_pair {
  int fd;
  net::tcp_stream far;
};
idle_pair idle_connection(net::connection_pool& pool, net::tcp_listener& listener) {
  auto near = pool.acquire(listener.local_address(), 5s);
  EXPECT_TRUE(near) << near.error().message();
  auto far = listener.accept(5s);
  EXPECT_TRUE(far) << far.error().message();
  const int fd = (*near)->native_handle();
  near->give_back();
  EXPECT_FALSE(*near);
  EXPECT_EQ(pool.stats().idle, 1u);
  return {fd, std::move(*far)};
}

// Whoever comes when the idle connection has had news gets a new one.
net::pooled_stream new_one(net::connection_pool& pool, const net::tcp_listener& listener, int news_of) {
  await_news(news_of);
  net::pooled_stream made = pool.acquire(listener.local_address(), 5s).value();
  EXPECT_FALSE(made.reused());
  return made;
}

// Listens, and lets nobody in: the queue of those who want to is full.
class silent_server {
 public:
  silent_server() : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    const auto any = net::address::loopback_v4(0);
    EXPECT_EQ(::bind(fd_, any.data(), any.size()), 0);
    EXPECT_EQ(::listen(fd_, 0), 0);
    const auto here = *net::address::local_of(fd_);
    at = here.string();
    for (int& fd : queued_) {
      fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      (void)::connect(fd, here.data(), here.size());
    }
    pollfd first{.fd = queued_[0], .events = POLLOUT, .revents = 0};
    EXPECT_EQ(::poll(&first, 1, 5000), 1);
  }
  ~silent_server() {
    for (const int fd : queued_) ::close(fd);
    ::close(fd_);
  }

  std::string at;

 private:
  int fd_;
  std::array<int, 3> queued_;
};

}  // namespace

TEST_F(ConnectionPool, a_connection_that_was_given_back_is_used_again) {
  on_fiber([] {
    std::atomic<int> accepted{0};
    server s{count_and_echo(accepted)};
    {
      net::connection_pool pool;
      for (int i = 0; i < 10; ++i) {
        auto c = pool.acquire(s.listener.local_address(), 5s);
        ASSERT_TRUE(c) << c.error().message();
        EXPECT_EQ(c->reused(), i != 0);
        ASSERT_TRUE(ask(**c, "question " + std::to_string(i)));
        c->give_back();
      }
      EXPECT_EQ(accepted, 1);
      EXPECT_EQ(pool.stats().hits, 9u);
      EXPECT_EQ(pool.stats().misses, 1u);
      EXPECT_EQ(pool.stats().in_use, 0u);
    }
    EXPECT_TRUE(s.stop()) << "the pool has closed what was idle: the server's connections end by themselves";
  });
}

TEST_F(ConnectionPool, unix_sockets_are_endpoints_too) {
  on_fiber([] {
    const std::string name = "@weft-pool-test-" + std::to_string(::getpid());
    auto listener = net::unix_listener::bind(name);
    ASSERT_TRUE(listener) << listener.error().message();
    net::connection_pool pool;
    auto near = pool.acquire("unix:" + name, 5s);
    ASSERT_TRUE(near) << near.error().message();
    auto far = listener->accept(5s);
    ASSERT_TRUE(far);
    near->give_back();
    near = pool.acquire("unix:" + name, 5s);
    ASSERT_TRUE(near);
    EXPECT_TRUE(near->reused());
    ASSERT_TRUE((*near)->shutdown_write());
    near->give_back();  // has ended its half: not kept
    EXPECT_EQ(pool.stats().idle, 0u);
    near = pool.acquire("unix:" + name, 5s);
    ASSERT_TRUE(near);
    EXPECT_FALSE(near->reused());
    far = listener->accept(5s);
    ASSERT_TRUE(far);
    near->give_back();
    far->close();
    near = pool.acquire("unix:" + name, 5s);
    ASSERT_TRUE(near);
    EXPECT_FALSE(near->reused());  // the peer had closed it
  });
}

TEST_F(ConnectionPool, one_that_was_not_given_back_is_closed) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    net::connection_pool pool;
    std::array<std::byte, 1> one;
    {
      auto c = pool.acquire(listener->local_address(), 5s);
      ASSERT_TRUE(c);
      EXPECT_EQ(pool.stats().in_use, 1u);
    }
    auto far = listener->accept(5s);
    EXPECT_EQ(*far->read(one, 5s), 0u);
    EXPECT_EQ(pool.stats().capacity, 0u);
    auto early = pool.acquire(listener->local_address(), 5s);
    early->discard();
    EXPECT_FALSE(*early);
    early->discard();  // more than once does no harm
    early->give_back();
    EXPECT_EQ(pool.stats().capacity, 0u);
    far = listener->accept(5s);
    EXPECT_EQ(*far->read(one, 5s), 0u);
  });
}

TEST_F(ConnectionPool, one_that_the_peer_has_closed_is_not_used_again) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    net::connection_pool pool;
    auto [fd, far] = idle_connection(pool, *listener);
    far.close();
    const auto again = new_one(pool, *listener, fd);
    EXPECT_EQ(pool.stats().capacity, 1u);
    EXPECT_EQ(pool.stats().hits, 0u);
    EXPECT_EQ(pool.stats().misses, 2u);
  });
}

TEST_F(ConnectionPool, one_on_which_the_peer_has_said_something_unasked_is_not_used_again) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    net::connection_pool pool;
    auto [fd, far] = idle_connection(pool, *listener);
    ASSERT_TRUE(far.write_all("408 Request Timeout"sv));
    const auto again = new_one(pool, *listener, fd);
    EXPECT_EQ(pool.stats().capacity, 1u);
  });
}

TEST_F(ConnectionPool, one_that_was_reset_is_not_used_again) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    net::connection_pool pool;
    auto [fd, far] = idle_connection(pool, *listener);
    const linger now{.l_onoff = 1, .l_linger = 0};
    ASSERT_EQ(::setsockopt(far.native_handle(), SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    far.close();
    const auto again = new_one(pool, *listener, fd);
  });
}

TEST_F(ConnectionPool, behind_a_dead_one_the_next_idle_one_is_found) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    net::connection_pool pool;
    auto a = pool.acquire(listener->local_address(), 5s);
    auto far_a = listener->accept(5s);
    auto b = pool.acquire(listener->local_address(), 5s);
    auto far_b = listener->accept(5s);
    ASSERT_TRUE(a && far_a && b && far_b);
    const int fd_a = (*a)->native_handle(), fd_b = (*b)->native_handle();
    a->give_back();
    b->give_back();
    far_b->close();
    await_news(fd_b);
    auto c = pool.acquire(listener->local_address(), 5s);
    ASSERT_TRUE(c);
    EXPECT_TRUE(c->reused());
    EXPECT_EQ((*c)->native_handle(), fd_a);
    EXPECT_EQ(pool.stats().capacity, 1u);
  });
}

TEST_F(ConnectionPool, a_stream_that_was_closed_or_taken_out_is_not_kept) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    net::connection_pool pool;
    auto a = pool.acquire(listener->local_address(), 5s);
    (*a)->close();
    a->give_back();
    auto b = pool.acquire(listener->local_address(), 5s);
    const net::tcp_stream mine{std::move(**b)};
    b->give_back();
    EXPECT_GE(mine.native_handle(), 0);
    EXPECT_EQ(pool.stats().capacity, 0u);
  });
}

TEST_F(ConnectionPool, a_stream_of_which_a_side_has_ended_its_half_is_not_kept) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    net::connection_pool pool;
    for (const bool we_have : {true, false}) {
      auto c = pool.acquire(listener->local_address(), 5s);
      ASSERT_TRUE(c) << c.error().message();
      auto far = listener->accept(5s);
      if (we_have) {
        ASSERT_TRUE((*c)->shutdown_write());
      } else {
        far->close();
        await_news((*c)->native_handle());
      }
      c->give_back();
      EXPECT_FALSE(*c);
      EXPECT_EQ(pool.stats().capacity, 0u);
    }
    auto next = pool.acquire(listener->local_address(), 5s);
    EXPECT_FALSE(next->reused());
    EXPECT_TRUE((*next)->write_all("hello"sv, 5s));
  });
}

TEST_F(ConnectionPool, who_comes_at_the_limit_waits_and_gets_what_comes_back) {
  on_fiber(
      [] {
        std::atomic<int> accepted{0};
        server s{count_and_echo(accepted)};
        const std::string at = s.listener.local_address();
        net::connection_pool pool{{.limit = 2, .endpoint_limit = 1}};
        auto held = pool.acquire(at, 5s);
        ASSERT_TRUE(held);
        EXPECT_EQ(failure(pool.acquire(at, 20ms)), errc::deadline_exceeded);
        auto waits = weft::spawn([&]() -> result<void> {
          auto mine = WEFT_TRY(pool.acquire(at, 5s));
          EXPECT_TRUE(mine.reused());
          WEFT_TRY(ask(*mine, "hello"));
          mine.give_back();
          return {};
        });
        std::jthread thread_waits{[&] {
          auto mine = pool.acquire(at, 5s);
          ASSERT_TRUE(mine) << mine.error().message();
          EXPECT_TRUE(ask(**mine, "from a thread"));
          mine->give_back();
        }};
        auto stopped = weft::spawn([&] { return failure(pool.acquire(at)); });
        weft::this_fiber::yield();
        (void)stopped.request_stop();
        EXPECT_EQ(stopped.join(), errc::canceled);
        held->give_back();
        EXPECT_TRUE(waits.join());
        weft::blocking([&] { thread_waits.join(); });
        EXPECT_EQ(accepted, 1);
        EXPECT_EQ(pool.stats().high_water, 1u);
        EXPECT_EQ(pool.stats().refused, 2u);
        pool.close();
        EXPECT_TRUE(s.stop());
      },
      2);
}

TEST_F(ConnectionPool, refuses_at_the_limit_where_that_was_chosen) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    net::connection_pool pool{{.limit = 1, .exhausted = exhaustion::refuse}};
    auto held = pool.acquire(listener->local_address(), 5s);
    ASSERT_TRUE(held);
    EXPECT_EQ(failure(pool.acquire(listener->local_address(), 5s)), errc::limit);
    EXPECT_EQ(pool.stats().refused, 1u);
  });
}

TEST_F(ConnectionPool, at_the_limit_an_idle_one_to_another_endpoint_is_closed_first) {
  on_fiber([] {
    auto one = net::tcp_listener::bind("127.0.0.1:0"), other = net::tcp_listener::bind("127.0.0.1:0");
    net::connection_pool pool{{.limit = 1}};
    auto [fd, far] = idle_connection(pool, *one);
    auto c = pool.acquire(other->local_address(), 5s);
    ASSERT_TRUE(c);
    std::array<std::byte, 1> byte;
    EXPECT_EQ(*far.read(byte, 5s), 0u);
    EXPECT_EQ(pool.stats().capacity, 1u);
  });
}

TEST_F(ConnectionPool, a_place_in_which_no_connection_could_be_made_is_free_again) {
  on_fiber([] {
    net::connection_pool pool{{.limit = 1}};
    std::string nobody;
    {
      auto listener = net::tcp_listener::bind("127.0.0.1:0");
      nobody = listener->local_address();
    }
    for (int i = 0; i < 3; ++i) EXPECT_EQ(failure(pool.acquire(nobody, 5s)), std::errc::connection_refused);
    EXPECT_EQ(failure(pool.acquire("no port", 5s)), std::errc::invalid_argument);
    EXPECT_EQ(pool.stats().capacity, 0u);
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    EXPECT_TRUE(pool.acquire(listener->local_address(), 5s));
  });
}

TEST_F(ConnectionPool, a_connection_that_cannot_be_made_in_time_is_given_up) {
  on_fiber([] {
    silent_server s;
    net::connection_pool by_caller, by_options{{.connect_max = 50ms}};
    EXPECT_EQ(failure(by_caller.acquire(s.at, 50ms)), errc::deadline_exceeded);
    EXPECT_EQ(failure(by_options.acquire(s.at)), errc::deadline_exceeded);
    auto stopped = weft::spawn([&] { return failure(by_caller.acquire(s.at)); });
    weft::this_fiber::yield();
    EXPECT_EQ(by_caller.stats().in_use, 1u) << "it connects";
    (void)stopped.request_stop();
    EXPECT_EQ(stopped.join(), errc::canceled);
    for (auto* pool : {&by_caller, &by_options}) EXPECT_EQ(pool->stats().capacity, 0u);
  });
}

TEST_F(ConnectionPool, idle_ones_and_old_ones_expire_by_the_clock_that_was_given) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    net::connection_pool pool{by_test_clock({.idle_max = 10s, .lifetime_max = 60s})};
    const idle_pair kept = idle_connection(pool, *listener);
    const auto use = [&] {
      auto c = pool.acquire(listener->local_address(), 5s);
      const bool reused = c->reused();
      c->give_back();
      return reused;
    };
    for (int i = 0; i < 6; ++i) {  // 54 s: never idle for ten
      test_time += 9s;
      EXPECT_TRUE(use());
    }
    test_time += 6s;
    EXPECT_FALSE(use()) << "it has stood for 60 s";
    test_time += 9s;
    EXPECT_FALSE(pool.trim());
    EXPECT_EQ(pool.stats().idle, 1u);
    test_time += 1s;
    EXPECT_FALSE(pool.trim());
    EXPECT_EQ(pool.stats().idle, 0u);
  });
}

TEST_F(ConnectionPool, a_worker_that_becomes_idle_closes_what_has_expired) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    net::connection_pool pool{by_test_clock()};
    auto [fd, far] = idle_connection(pool, *listener);
    test_time += 1h;
    for (int i = 0; i < 20 && pool.stats().idle != 0; ++i)
      (void)weft::this_fiber::sleep_for(250ms);  // real time: workers trim after 100 ms of idling
    EXPECT_EQ(pool.stats().idle, 0u);
    std::array<std::byte, 1> one;
    EXPECT_EQ(*far.read(one, 5s), 0u);
  });
}

TEST_F(ConnectionPool, close_ends_those_who_wait_and_closes_what_comes_back) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    net::connection_pool pool{{.endpoint_limit = 1}};
    auto held = pool.acquire(listener->local_address(), 5s);
    auto waits = weft::spawn([&] { return failure(pool.acquire(listener->local_address())); });
    weft::this_fiber::yield();
    pool.close();
    EXPECT_EQ(waits.join(), errc::closed);
    EXPECT_EQ(failure(pool.acquire(listener->local_address())), errc::closed);
    held->give_back();
    EXPECT_EQ(pool.stats().capacity, 0u);
    pool.close();  // more than once does no harm
  });
}

TEST_F(ConnectionPool, asks_the_resolver_that_it_was_given) {
  on_fiber([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    const auto at = *net::address::parse(listener->local_address());
    net::resolver names{{.lookup = [](const std::string& host) -> result<std::vector<net::address>> {
      EXPECT_EQ(host, "db.example");
      return std::vector{net::address::loopback_v4(0)};
    }}};
    net::connection_pool pool{{.names = &names}};
    auto c = pool.acquire("db.example:" + std::to_string(at.port()), 5s);
    EXPECT_TRUE(c) << c.error().message();
    EXPECT_EQ(names.stats().lookups, 1u);
  });
}

TEST_F(ConnectionPool, is_in_the_list_of_pools_while_it_lives) {
  const auto found = [] {
    std::size_t n = 0;
    weft::for_each_pool([&](std::string_view name, const weft::pool_stats& stats) {
      if (name == "to the database") n = stats.limit;
    });
    return n;
  };
  {
    net::connection_pool pool{{.name = "to the database"}};
    EXPECT_EQ(found(), 200u);
  }
  EXPECT_EQ(found(), 0u);
}

TEST_F(ConnectionPoolDeathTest, misuse_is_an_assertion) {
  EXPECT_DEATH((void)*net::pooled_stream{}, "that has no stream");
  EXPECT_DEATH(
      {
        auto listener = net::tcp_listener::bind("127.0.0.1:0");
        auto pool = std::make_unique<net::connection_pool>();
        auto held = pool->acquire(listener->local_address());
        pool.reset();
      },
      "were not given back before its end");
}

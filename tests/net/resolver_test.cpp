#include "net_fixture.hpp"

#include <netdb.h>

#include <atomic>
#include <chrono>
#include <thread>

#include <weft/net/resolve.hpp>
#include <weft/net/resolver.hpp>
#include <weft/net/staggered_race.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/spawn.hpp>

using namespace weft::testing;
using weft::errc;
using weft::result;
namespace net = weft::net;

namespace {

using clock = std::chrono::steady_clock;
using addresses = std::vector<net::address>;

// What the lookups below have seen. std::atomic: the test's own.
std::atomic<int> lookups{0};
std::atomic<int> under_way{0};
std::atomic<bool> hold{false};

// 10.0.0.N for the Nth lookup, so that one sees which it comes from.
result<addresses> numbered(const std::string& host) {
  const int n = ++lookups;
  ++under_way;
  while (hold) std::this_thread::yield();
  --under_way;
  if (host == "nowhere")
    return std::unexpected(std::error_code{EAI_NONAME, weft::detail::resolve_category()});
  if (host == "broken") return std::unexpected(std::error_code{EAI_AGAIN, weft::detail::resolve_category()});
  return addresses{*net::address::parse("10.0.0." + std::to_string(n) + ":0")};
}

class Resolver : public NetTest {
 protected:
  Resolver() {
    lookups = 0;
    hold = false;
  }
};
using StaggeredRace = NetTest;

std::string first_of(const result<addresses>& r) { return r ? r->front().string() : r.error().message(); }

net::address v4(int n) { return *net::address::parse("10.0.0." + std::to_string(n) + ":1"); }
net::address v6(int n) { return *net::address::parse("[fd00::" + std::to_string(n) + "]:1"); }

}  // namespace

TEST_F(Resolver, asks_once_while_the_answer_holds) {
  on_fiber([] {
    net::resolver names{{.lookup = numbered}};
    EXPECT_EQ(first_of(names.resolve("example:80", 5s)), "10.0.0.1:80");
    EXPECT_EQ(first_of(names.resolve("example:443", 5s)), "10.0.0.1:443");
    EXPECT_EQ(first_of(names.resolve("EXAMPLE:1", 5s)), "10.0.0.1:1");
    EXPECT_EQ(first_of(names.resolve("other:80", 5s)), "10.0.0.2:80");
    EXPECT_EQ(lookups.load(), 2);
    EXPECT_EQ(names.stats().hits, 2u);
    EXPECT_EQ(names.stats().lookups, 2u);
    EXPECT_EQ(names.stats().names, 2u);
    names.clear();
    EXPECT_EQ(first_of(names.resolve("example:80", 5s)), "10.0.0.3:80");
    EXPECT_EQ(first_of(names.resolve("example.:80", 5s)), "10.0.0.4:80");  // not in the search domains
  });
}

TEST_F(Resolver, asks_again_when_the_answer_has_expired_and_not_before) {
  on_fiber([] {
    net::resolver names{{.ttl = 50ms, .lookup = numbered}};
    const auto begin = clock::now();
    EXPECT_EQ(first_of(names.resolve("example:80", 5s)), "10.0.0.1:80");
    const bool held = first_of(names.resolve("example:80", 5s)) == "10.0.0.1:80";
    EXPECT_TRUE(held || clock::now() - begin >= 50ms);
    weft::this_fiber::sleep_for(60ms);
    EXPECT_NE(first_of(names.resolve("example:80", 5s)), "10.0.0.1:80");
    net::resolver forgetful{{.ttl = 0ns, .lookup = numbered}};
    EXPECT_NE(first_of(forgetful.resolve("x:1", 5s)), first_of(forgetful.resolve("x:1", 5s)));
  });
}

TEST_F(Resolver, remembers_that_a_name_does_not_exist_but_not_that_nobody_could_be_asked) {
  on_fiber([] {
    net::resolver names{{.lookup = numbered}};
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(failure(names.resolve("nowhere:80", 5s)),
                (std::error_code{EAI_NONAME, weft::detail::resolve_category()}));
    EXPECT_EQ(lookups.load(), 1);
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(names.resolve("broken:80", 5s));
    EXPECT_EQ(lookups.load(), 4);
  });
}

TEST_F(Resolver, many_who_ask_at_the_same_time_share_one_lookup) {
  on_fiber(
      [] {
        net::resolver names{{.lookup = numbered}};
        hold = true;
        std::vector<weft::task<result<addresses>>> askers;
        for (int i = 0; i < 20; ++i)
          askers.push_back(weft::spawn([&] { return names.resolve("example:80", 5s); }));
        // One who gives up, or is stopped, takes nothing from the others.
        EXPECT_EQ(failure(names.resolve("example:80", 20ms)), errc::deadline_exceeded);
        auto stopped = weft::spawn([&] { return names.resolve("example:80", 5s); });
        weft::this_fiber::yield();
        stopped.request_stop();
        EXPECT_EQ(failure(stopped.join()), errc::canceled);
        hold = false;
        for (auto& a : askers) EXPECT_EQ(first_of(a.join()), "10.0.0.1:80");
        EXPECT_EQ(lookups.load(), 1);
      },
      2);
}

TEST_F(Resolver, may_go_while_a_lookup_runs) {
  on_fiber([] {
    hold = true;
    {
      net::resolver names{{.lookup = numbered}};
      EXPECT_EQ(failure(names.resolve("example:80", 5ms)), errc::deadline_exceeded);
    }
    hold = false;
  });
  EXPECT_EQ(under_way.load(), 0);  // the runtime has waited for it
}

TEST_F(Resolver, forgets_the_oldest_when_there_is_no_room) {
  on_fiber([] {
    net::resolver names{{.names_max = 3, .lookup = numbered}};
    for (const auto name : {"a:1", "b:1", "c:1", "d:1"}) EXPECT_TRUE(names.resolve(name, 5s));
    EXPECT_EQ(names.stats().names, 3u);
    EXPECT_EQ(first_of(names.resolve("d:1", 5s)), "10.0.0.4:1");
    EXPECT_EQ(first_of(names.resolve("b:1", 5s)), "10.0.0.2:1");
    EXPECT_EQ(first_of(names.resolve("a:1", 5s)), "10.0.0.5:1");
  });
}

TEST_F(Resolver, addresses_need_no_lookup_and_nonsense_gets_none) {
  on_fiber([] {
    net::resolver names{{.lookup = numbered}};
    EXPECT_EQ(first_of(names.resolve("127.0.0.1:80", 5s)), "127.0.0.1:80");
    EXPECT_EQ(first_of(names.resolve("[::1]:80", 5s)), "[::1]:80");
    EXPECT_EQ(failure(names.resolve("example", 5s)), net::address_error::no_port);
    EXPECT_EQ(failure(names.resolve("example:99999", 5s)), net::address_error::bad_port);
    EXPECT_EQ(failure(names.resolve("1.2.3:80", 5s)), net::address_error::bad_host);
    EXPECT_EQ(lookups.load(), 0);
  });
}

TEST_F(Resolver, asks_the_system_and_connects_to_what_answers) {
  on_fiber([] {
    net::resolver names;
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    const auto port = net::address::parse(listener->local_address())->port();
    for (int i = 0; i < 2; ++i) {
      auto s = names.connect("localhost:" + std::to_string(port), 5s);
      ASSERT_TRUE(s) << s.error().message();
      EXPECT_TRUE(listener->accept(5s));
    }
    EXPECT_EQ(names.stats().lookups, 1u);
    EXPECT_FALSE(names.resolve("does-not-exist.invalid:80", 5s));
  });
}

TEST_F(Resolver, works_from_foreign_threads) {
  net::resolver names{{.lookup = numbered}};
  EXPECT_EQ(first_of(names.resolve("example:80", 5s)), "10.0.0.1:80");
  std::thread{[&] { EXPECT_EQ(first_of(names.resolve("example:80", 5s)), "10.0.0.1:80"); }}.join();
}

TEST(InTurns, families_take_turns_and_keep_their_order) {
  using weft::detail::in_turns;
  EXPECT_EQ(in_turns(addresses{v6(1), v6(2), v6(3), v4(1), v4(2)}),
            (addresses{v6(1), v4(1), v6(2), v4(2), v6(3)}));
  EXPECT_EQ(in_turns(addresses{v4(1), v6(1), v6(2), v6(3)}), (addresses{v4(1), v6(1), v6(2), v6(3)}));
  EXPECT_EQ(in_turns(addresses{v4(1), v4(2)}), (addresses{v4(1), v4(2)}));
  EXPECT_TRUE(in_turns({}).empty());
}

TEST_F(StaggeredRace, the_next_begins_after_the_delay) {
  on_fiber([] {
    const auto begin = clock::now();
    clock::time_point second;
    const auto attempt = [&](std::size_t i) -> result<int> {
      if (i == 0) WEFT_TRY(weft::this_fiber::sleep_for(20s));  // a black hole
      second = clock::now();
      return 7;
    };
    EXPECT_EQ(*weft::detail::staggered_race<int>(2, 50ms, 10s, attempt), 7);
    EXPECT_GE(second - begin, 50ms);
    EXPECT_LT(clock::now() - begin, 10s);  // the black hole has been left
  });
}

TEST_F(StaggeredRace, the_next_begins_at_a_failure) {
  on_fiber([] {
    const auto begin = clock::now();
    const auto attempt = [](std::size_t i) -> result<int> {
      if (i < 2) return std::unexpected(errc::protocol);  // refuses at once
      return 7;
    };
    EXPECT_EQ(*weft::detail::staggered_race<int>(3, 20s, 30s, attempt), 7);
    EXPECT_LT(clock::now() - begin, 20s);  // not after the delay
  });
}

TEST_F(StaggeredRace, without_a_success_the_last_failure_counts) {
  on_fiber([] {
    int attempts = 0;
    const auto failing = [&](std::size_t i) -> result<int> {
      ++attempts;
      return std::unexpected(i == 2 ? errc::protocol : errc::unsupported);
    };
    EXPECT_EQ(failure(weft::detail::staggered_race<int>(3, 10s, {}, failing)), errc::protocol);
    EXPECT_EQ(attempts, 3);
  });
}

TEST_F(StaggeredRace, a_late_first_beats_a_hanging_second) {
  on_fiber([] {
    weft::event second_begun;
    const auto attempt = [&](std::size_t i) -> result<int> {
      if (i == 1) second_begun.set();
      if (i == 1) WEFT_TRY(weft::this_fiber::sleep_for(20s));
      WEFT_TRY(second_begun.wait(10s));
      return static_cast<int>(i);
    };
    EXPECT_EQ(*weft::detail::staggered_race<int>(2, 5ms, 10s, attempt), 0);
  });
}

TEST_F(StaggeredRace, deadline_and_stop_end_it) {
  on_fiber([] {
    const auto hang = [](std::size_t) -> result<int> {
      WEFT_TRY(weft::this_fiber::sleep_for(20s));
      return 1;
    };
    EXPECT_EQ(failure(weft::detail::staggered_race<int>(2, 5ms, 30ms, hang)), errc::deadline_exceeded);
    auto stopped = weft::spawn([&] { return weft::detail::staggered_race<int>(2, 5ms, {}, hang); });
    weft::this_fiber::yield();
    stopped.request_stop();
    EXPECT_EQ(failure(stopped.join()), errc::canceled);
  });
}

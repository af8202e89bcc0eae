// connection_pool on real threads, against servers that close when it suits them: for ThreadSanitizer, and
// for all that a simulated world leaves out.
#include "listener_fixture.hpp"

#include <atomic>
#include <chrono>
#include <deque>
#include <thread>
#include <vector>

#include <build_kind.hpp>
#include <weft/net/connection_pool.hpp>
#include <weft/runtime/blocking.hpp>

using namespace weft::testing;
using weft::errc;
using weft::result;
namespace net = weft::net;

namespace {

class ConnectionPoolStress : public NetTest {};

// Answers some messages and closes.
result<void> answer_some(net::tcp_stream s, int messages) {
  std::array<std::byte, 64> buffer;
  for (int i = 0; i < messages; ++i) {
    const std::size_t n = WEFT_TRY(s.read(buffer, 20s));
    if (n == 0) break;
    WEFT_TRY(s.write_all(std::span{buffer}.first(n)));
  }
  return {};
}

struct counts {
  std::atomic<std::uint64_t> asked{0}, answered{0}, stale{0}, gave_up{0};
};

void ask_often(net::connection_pool& pool, const std::vector<std::string>& servers, unsigned who, int rounds,
               counts& c) {
  for (int i = 0; i < rounds; ++i) {
    const unsigned kind = who + static_cast<unsigned>(i);
    const std::string& at = servers[kind % servers.size()];
    auto got = kind % 4 == 0 ? pool.acquire(at, 200us) : pool.acquire(at);
    if (!got) {
      ASSERT_EQ(got.error(), errc::deadline_exceeded);
      ++c.gave_up;
      continue;
    }
    ++c.asked;
    const bool reused = got->reused();
    const std::string text = std::to_string(who) + " " + std::to_string(i);
    std::vector<std::byte> back(text.size());
    const auto talk = [&]() -> result<void> {
      WEFT_TRY((*got)->write_all(text, 20s));
      return (*got)->read_exactly(back, 20s);
    };
    if (const result<void> r = talk(); !r) {
      ASSERT_TRUE(reused) << "a new connection failed: " << r.error().message();
      ++c.stale;  // closed by the server after the look at it
      continue;
    }
    ASSERT_EQ(text_of(back), text) << "somebody else's answer";
    ++c.answered;
    if (kind % 5 != 0) got->give_back();
  }
}

}  // namespace

TEST_F(ConnectionPoolStress, everybody_gets_his_own_answer_and_no_place_is_lost) {
  constexpr unsigned fibers = 12, threads = 2;
  const int rounds = weft_test::scaled(1500);
  on_fiber(
      [&] {
        std::atomic<unsigned> accepted{0};
        const auto serve = [&accepted](net::tcp_stream s) {
          return answer_some(std::move(s), 1 + static_cast<int>(accepted++ % 17));
        };
        std::deque<server<decltype(serve)>> servers;
        std::vector<std::string> at;
        for (int i = 0; i < 3; ++i) at.push_back(servers.emplace_back(serve).listener.local_address());

        net::connection_pool pool{{.limit = 6, .endpoint_limit = 3, .idle_max = 5ms, .lifetime_max = 50ms}};
        counts c;
        std::vector<std::jthread> foreign;
        std::vector<weft::task<void>> own;
        for (unsigned i = 0; i < threads; ++i)
          foreign.emplace_back([&, i] { ask_often(pool, at, fibers + i, rounds, c); });
        for (unsigned i = 0; i < fibers; ++i)
          own.push_back(weft::spawn([&, i] { ask_often(pool, at, i, rounds, c); }, {.worker = i % 4}));
        auto trims = weft::spawn([&] {
          while (weft::this_fiber::sleep_for(2ms)) (void)pool.trim();
        });
        for (auto& t : own) t.join();
        weft::blocking([&] { foreign.clear(); });
        (void)trims.request_stop();
        trims.join();

        const weft::pool_stats s = pool.stats();
        EXPECT_EQ(s.in_use, 0u);
        EXPECT_LE(s.high_water, 6u);
        // Who gave up did so while he waited, and was refused, or while he connected.
        EXPECT_EQ(s.hits + s.misses + s.refused, c.asked.load() + c.gave_up.load());
        EXPECT_LE(s.refused, c.gave_up.load());
        EXPECT_EQ(c.asked.load(), c.answered.load() + c.stale.load());
        EXPECT_GT(s.hits, 0u);  // not more than misses: many connections go so that the next can have his
        pool.close();
        for (auto& server : servers) EXPECT_TRUE(server.stop());
      },
      4);
}

// Waiters come and go while it closes.
TEST_F(ConnectionPoolStress, close_reaches_everybody) {
  on_fiber(
      [] {
        std::atomic<int> accepted{0};
        server s{[&accepted](net::tcp_stream stream) {
          ++accepted;
          return echo(std::move(stream));
        }};
        const std::string at = s.listener.local_address();
        for (int round = 0; round < weft_test::scaled(100); ++round) {
          net::connection_pool pool{{.limit = 2}};
          const auto until_closed = [&] {
            for (;;) {
              auto c = pool.acquire(at);
              if (!c) {
                EXPECT_EQ(c.error(), errc::closed);
                return;
              }
              weft::this_fiber::yield();
              c->give_back();
            }
          };
          std::jthread thread{until_closed};
          std::vector<weft::task<void>> own;
          for (unsigned i = 0; i < 6; ++i) own.push_back(weft::spawn(until_closed, {.worker = i % 4}));
          (void)weft::this_fiber::sleep_for(std::chrono::microseconds{100 * (round % 7)});
          pool.close();
          for (auto& t : own) t.join();
          weft::blocking([&] { thread.join(); });
          EXPECT_EQ(pool.stats().capacity, 0u);
        }
        EXPECT_TRUE(s.stop());
      },
      4);
}

// connection_ledger in simulated worlds: who gets which connection, by a clock that can be turned, and every
// way of taking and giving back against every way in which a wait ends. A connection is a number here.
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sim/destroy.hpp>
#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/net/connection_ledger.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::connection_ledger;
using net::connection_pool_options;

constexpr std::uint64_t seeds = 10'000;

struct connection : connection_ledger::entry {
  connection(int number_, std::string_view to_) : number{number_}, to{to_} {}

  const int number;
  const std::string to;
  bool in_use = true;
};

// What connection_pool does with its ledger, with numbers for sockets. Throughout it checks that nobody has
// what another has, or was made for another.
class numbers {
 public:
  numbers(sim& world, const connection_pool_options& options)
      : world_{world}, options_{options}, ledger_{std::make_unique<connection_ledger>(options)} {}
  ~numbers() {
    if (ledger_ == nullptr) return;
    close();
    world_.check(open() == 0, "a connection was lost");
  }

  result<connection*> acquire(std::string_view to, deadline until = {}) {
    connection_ledger::entries gone;
    const auto got = ledger_->take(to, until, gone);
    destroy_all(gone);
    if (!got) return std::unexpected(got.error());
    auto* idle = static_cast<connection*>(got->idle);
    while (idle != nullptr && dies_ != 0 && world_.random(dies_) == 0) {
      check(*idle, to);
      destroy(idle);
      world_.interleave();
      idle = static_cast<connection*>(ledger_->replace(*got->of, gone));
      destroy_all(gone);
    }
    if (idle != nullptr) {
      check(*idle, to);
      idle->in_use = true;
      return idle;
    }
    world_.interleave();
    if (fails_ != 0 && world_.random(fails_) == 0) {
      ledger_->leave(*got->of);
      return std::unexpected(make_error_code(std::errc::connection_refused));
    }
    ++open_[std::string{to}];
    ++made_;
    if (strict_) {
      world_.check(open() <= options_.limit, "more connections than the limit");
      world_.check(open_[std::string{to}] <= options_.endpoint_limit, "more than the endpoint's limit");
    }
    auto* const made = new connection{made_, to};
    ledger_->enter(*made, *got->of);
    return made;
  }

  void give(connection* c) {
    c->in_use = false;
    connection_ledger::endpoint& of = *c->of;
    if (ledger_->give(*c)) return;
    destroy(c);
    ledger_->leave(of);
  }

  void discard(connection* c) {
    c->in_use = false;
    connection_ledger::endpoint& of = *c->of;
    destroy(c);
    ledger_->leave(of);
  }

  void expire() {
    connection_ledger::entries gone;
    ledger_->expire(gone);
    destroy_all(gone);
  }

  void close() {
    connection_ledger::entries gone;
    ledger_->close(gone);
    destroy_all(gone);
  }

  /// Every so often an idle connection turns out to be dead, a new one cannot be made. Without expiry, the
  /// limit holds for what is open at any moment.
  void have_misfortunes(std::uint64_t dies, std::uint64_t fails, bool strict) {
    dies_ = dies;
    fails_ = fails;
    strict_ = strict;
  }

  std::size_t open() const {
    std::size_t sum = 0;
    for (const auto& [to, count] : open_) sum += count;
    return sum;
  }
  pool_stats stats() { return ledger_->stats(); }
  connection_ledger& ledger() { return *ledger_; }
  std::unique_ptr<connection_ledger> release() { return std::move(ledger_); }

 private:
  void check(const connection& c, std::string_view to) {
    world_.check(!c.in_use, "two have the same connection");
    world_.check(c.to == to, "a connection to another endpoint");
  }
  void destroy(connection* c) {
    world_.check(!c->in_use, "a connection that is in use was closed");
    --open_[c->to];
    delete c;
  }
  void destroy_all(connection_ledger::entries& gone) {
    while (auto* const e = gone.pop_front()) destroy(static_cast<connection*>(e));
  }

  sim& world_;
  connection_pool_options options_;
  std::unique_ptr<connection_ledger> ledger_;
  std::map<std::string, std::size_t> open_;
  int made_ = 0;
  std::uint64_t dies_ = 0, fails_ = 0;
  bool strict_ = true;
};

connection_pool_options at_most(std::size_t limit, std::size_t endpoint_limit = 100) {
  return {.limit = limit, .endpoint_limit = endpoint_limit};
}

// --- who gets what

TEST(ConnectionLedger, gives_the_idle_one_that_came_back_last) {
  sim world{1};
  numbers pool{world, at_most(10)};
  connection* const a = *pool.acquire("x");
  connection* const b = *pool.acquire("x");
  EXPECT_NE(a, b);
  pool.give(b);
  pool.give(a);
  EXPECT_EQ(*pool.acquire("x"), a);
  EXPECT_EQ(*pool.acquire("x"), b);
  pool.discard(a);
  pool.discard(b);
  EXPECT_EQ(pool.stats().hits, 2u);
  EXPECT_EQ(pool.stats().misses, 2u);
  EXPECT_EQ(pool.stats().high_water, 2u);
}

TEST(ConnectionLedger, an_idle_one_is_for_its_own_endpoint_only) {
  sim world{1};
  numbers pool{world, at_most(10)};
  pool.give(*pool.acquire("x"));
  connection* const y = *pool.acquire("y");
  EXPECT_EQ(y->number, 2);
  EXPECT_EQ(pool.stats().idle, 1u);
  EXPECT_EQ(pool.stats().in_use, 1u);
  EXPECT_EQ(pool.stats().capacity, 2u);
  pool.discard(y);
}

TEST(ConnectionLedger, at_the_limit_the_one_that_is_idle_longest_gives_way) {
  sim world{1};
  numbers pool{world, at_most(3)};
  connection* const x = *pool.acquire("x");
  connection* const y = *pool.acquire("y");
  connection* const z = *pool.acquire("z");
  pool.give(y);
  pool.give(x);
  pool.give(z);
  connection* const w = *pool.acquire("w");
  EXPECT_EQ(pool.open(), 3u);
  EXPECT_EQ(*pool.acquire("x"), x);
  EXPECT_EQ(*pool.acquire("z"), z);
  EXPECT_EQ(pool.stats().hits, 2u) << "y has gone";
  for (connection* c : {w, x, z}) pool.give(c);
}

TEST(ConnectionLedger, an_endpoint_with_its_share_waits_and_keeps_nobody_from_the_others) {
  sim world{1};
  numbers pool{world, at_most(3, 2)};
  connection* const a = *pool.acquire("x");
  connection* const b = *pool.acquire("x");
  connection* third = nullptr;
  world.spawn([&] { third = *pool.acquire("x"); });
  EXPECT_EQ(world.parked(), 1u);
  connection* const y = *pool.acquire("y");
  pool.give(y);
  EXPECT_EQ(world.parked(), 1u) << "the share of x is in use, whatever becomes free elsewhere";
  pool.give(a);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(third, a);
  pool.discard(b);
  pool.discard(third);
}

TEST(ConnectionLedger, who_came_first_is_served_first_though_a_connection_must_go_for_it) {
  sim world{1};
  numbers pool{world, at_most(1)};
  connection* held = *pool.acquire("x");
  std::string order;
  std::array<connection*, 4> theirs{};
  const auto takes = [&](std::size_t i, std::string_view to) {
    return [&, i, to] {
      theirs[i] = *pool.acquire(to);
      order += to;
    };
  };
  world.spawn(takes(0, "y"));
  world.advance(1ms);
  world.thread(takes(1, "x"));
  world.advance(1ms);
  world.spawn(takes(2, "y"));
  world.advance(1ms);
  world.thread(takes(3, "z"));
  world.advance(1ms);
  pool.give(held);
  for (connection*& c : theirs) {
    world.advance(1ms);
    ASSERT_NE(c, nullptr);
    pool.give(c);
  }
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(order, "yxyz");
}

TEST(ConnectionLedger, a_connection_goes_to_who_waits_for_it_with_no_gap) {
  sim world{1};
  numbers pool{world, at_most(1)};
  connection* const held = *pool.acquire("x");
  connection* theirs = nullptr;
  world.spawn([&] { theirs = *pool.acquire("x"); });
  world.advance(1ms);
  pool.give(held);
  EXPECT_EQ(pool.stats().idle, 0u) << "it is his already";
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(theirs, held);
  pool.discard(theirs);
}

TEST(ConnectionLedger, a_place_that_was_left_goes_to_who_waits) {
  sim world{1};
  numbers pool{world, at_most(2, 1)};
  connection* const held = *pool.acquire("x");
  connection* theirs = nullptr;
  world.spawn([&] { theirs = *pool.acquire("x"); });
  EXPECT_EQ(world.parked(), 1u);
  pool.discard(held);
  EXPECT_EQ(world.parked(), 0u);
  ASSERT_NE(theirs, nullptr);
  EXPECT_EQ(theirs->number, 2);
  pool.discard(theirs);
}

TEST(ConnectionLedger, a_dead_one_is_replaced_by_the_next_idle_one_or_by_the_place) {
  sim world{1};
  numbers pool{world, at_most(2)};
  connection* const a = *pool.acquire("x");
  connection* const b = *pool.acquire("x");
  pool.give(a);
  pool.give(b);
  connection* waited = nullptr;
  {
    connection_ledger::entries gone;
    const auto got = *pool.ledger().take("x", {}, gone);
    EXPECT_EQ(got.idle, b);
    world.spawn([&] {
      connection* const other = *pool.acquire("y");  // a gives way
      pool.discard(other);
      waited = *pool.acquire("z");
    });
    world.advance(1ms);
    EXPECT_EQ(pool.ledger().replace(*got.of, gone), nullptr);
    EXPECT_TRUE(gone.empty());
    EXPECT_EQ(pool.stats().hits, 0u) << "it was of no use";
    ASSERT_NE(waited, nullptr);
    pool.discard(b);  // its place with it
  }
  pool.discard(waited);
}

// --- waiting

TEST(ConnectionLedger, waits_until_the_deadline_and_not_less) {
  sim world{1};
  numbers pool{world, at_most(1)};
  connection* const held = *pool.acquire("x");
  std::error_code on_fiber, on_thread, past;
  world.spawn([&] { on_fiber = pool.acquire("x", world.in(5ms)).error(); });
  world.thread([&] { on_thread = pool.acquire("y", world.in(5ms)).error(); });
  world.spawn([&] { past = pool.acquire("y", 0ns).error(); });
  world.advance(4ms);
  EXPECT_EQ(world.parked(), 2u);
  world.advance(1ms);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(on_fiber, errc::deadline_exceeded);
  EXPECT_EQ(on_thread, errc::deadline_exceeded);
  EXPECT_EQ(past, errc::deadline_exceeded);
  EXPECT_EQ(pool.stats().refused, 3u);
  pool.give(held);
}

TEST(ConnectionLedger, refuses_where_that_was_chosen) {
  sim world{1};
  numbers pool{world, {.limit = 2, .endpoint_limit = 1, .exhausted = exhaustion::refuse}};
  connection* const x = *pool.acquire("x");
  EXPECT_EQ(pool.acquire("x", 1s).error(), errc::limit);
  connection* const y = *pool.acquire("y");
  EXPECT_EQ(pool.acquire("z").error(), errc::limit);
  EXPECT_EQ(pool.stats().refused, 2u);
  pool.give(x);
  connection* const z = *pool.acquire("z");
  pool.give(y);
  pool.give(z);
}

TEST(ConnectionLedger, a_stop_ends_the_wait_and_takes_nothing_away) {
  sim world{1};
  numbers pool{world, at_most(1)};
  connection* const held = *pool.acquire("x");
  auto waits = world.rt().spawn([&] { return pool.acquire("x").error(); });
  world.advance(1ms);
  EXPECT_TRUE(waits.request_stop());
  EXPECT_EQ(waits.join(), errc::canceled);
  pool.give(held);
  auto stopped = world.rt().spawn([&] { pool.give(*pool.acquire("x")); });
  (void)stopped.request_stop();
  stopped.join();
  EXPECT_EQ(pool.stats().hits, 1u) << "a stopped fiber still gets what is there";
}

TEST(ConnectionLedger, close_ends_every_wait_and_what_is_in_use_is_closed_when_it_comes_back) {
  sim world{1};
  numbers pool{world, at_most(2)};
  connection* const held = *pool.acquire("x");
  pool.give(*pool.acquire("y"));
  connection* const again = *pool.acquire("y");
  std::vector<std::error_code> errors(3);
  world.spawn([&] { errors[0] = pool.acquire("x").error(); });
  world.thread([&] { errors[1] = pool.acquire("z").error(); });
  world.advance(1ms);
  pool.close();
  EXPECT_EQ(world.parked(), 0u);
  errors[2] = pool.acquire("x").error();
  for (const std::error_code& e : errors) EXPECT_EQ(e, errc::closed);
  EXPECT_EQ(pool.open(), 2u);
  pool.give(held);
  pool.give(again);
  EXPECT_EQ(pool.open(), 0u);
}

// --- growing old

TEST(ConnectionLedger, an_idle_one_is_kept_for_its_time_and_not_more) {
  sim world{1};
  numbers pool{world, {.idle_max = 10ms}};
  connection* const a = *pool.acquire("x");
  pool.give(a);
  world.advance(9ms);
  EXPECT_EQ(*pool.acquire("x"), a);
  pool.give(a);
  world.advance(9ms);
  pool.expire();
  EXPECT_EQ(pool.open(), 1u) << "its time begins when it comes back";
  world.advance(1ms);
  pool.expire();
  EXPECT_EQ(pool.open(), 0u);
  pool.give(*pool.acquire("x"));
  world.advance(10ms);
  connection* const y = *pool.acquire("y");
  EXPECT_EQ(pool.open(), 1u) << "who comes closes what has expired";
  pool.give(y);
}

TEST(ConnectionLedger, none_is_kept_where_the_time_is_zero) {
  sim world{1};
  numbers pool{world, {.idle_max = 0ns}};
  pool.give(*pool.acquire("x"));
  EXPECT_EQ(pool.open(), 0u);
  EXPECT_EQ(pool.stats().capacity, 0u);
}

TEST(ConnectionLedger, one_that_stands_too_long_is_not_used_again) {
  sim world{1};
  numbers pool{world, {.idle_max = 1s, .lifetime_max = 10ms}};
  connection* const old = *pool.acquire("x");
  world.advance(9ms);
  pool.give(old);
  EXPECT_EQ(*pool.acquire("x"), old);
  world.advance(1ms);
  pool.give(old);
  EXPECT_EQ(pool.open(), 0u) << "too old when it comes back";
  pool.give(*pool.acquire("x"));
  world.advance(10ms);
  connection* const next = *pool.acquire("x");
  EXPECT_EQ(next->number, 3) << "too old when it is wanted";
  EXPECT_EQ(pool.open(), 1u);
  pool.give(next);
  world.advance(10ms);
  pool.expire();
  EXPECT_EQ(pool.open(), 0u) << "too old, and nobody wants it";
}

TEST(ConnectionLedger, for_ever_is_for_ever) {
  sim world{1};
  constexpr auto ever = std::chrono::nanoseconds::max();
  numbers pool{world, {.idle_max = ever, .lifetime_max = ever}};
  connection* const a = *pool.acquire("x");
  pool.give(a);
  world.advance(24h);
  pool.expire();
  EXPECT_EQ(*pool.acquire("x"), a);
  pool.give(a);
}

TEST(ConnectionLedgerDeathTest, misuse_is_an_assertion) {
  EXPECT_DEATH(connection_ledger({.limit = 0}), "a pool of nothing");
  EXPECT_DEATH(connection_ledger({.endpoint_limit = 0}), "a pool of nothing");
  EXPECT_DEATH(
      {
        connection_ledger ledger{{}};
        connection_ledger::entries gone;
        (void)ledger.take("x", {}, gone);
      },
      "were not given back before its end");
}

// --- every interleaving

class traffic {
 public:
  explicit traffic(sim& world)
      : world_{world},
        expires_{world.random(3) == 0},
        pool_{world,
              {.limit = 1 + world.random(3),
               .endpoint_limit = 1 + world.random(2),
               .exhausted = world.random(8) == 0 ? exhaustion::refuse : exhaustion::wait,
               .idle_max = expires_ ? 500us : std::chrono::nanoseconds{1h},
               .lifetime_max = expires_ ? 700us : std::chrono::nanoseconds{1h}}},
        due_{world.in(1ms)} {
    pool_.have_misfortunes(/*dies=*/4, /*fails=*/6, /*strict=*/!expires_);
  }

  void visit() {
    const std::string_view to = world_.random(2) == 0 ? "x" : "y";
    deadline until;
    if (const auto kind = world_.random(4); kind < 2) until = kind == 0 ? due_ : deadline::past();
    use(pool_.acquire(to, until));
  }

  void cancellable() { use(pool_.acquire("x")); }
  void expire() { pool_.expire(); }
  void close() {
    pool_.close();
    closed_ = true;
  }

  void pass_time() {
    event never;
    (void)never.wait(world_.in(1ms));
    visit();
  }

  void expect_the_end() {
    const pool_stats s = pool_.stats();
    world_.check(s.in_use == 0, "a place was lost");
    world_.check(s.idle == pool_.open(), "an idle connection was lost");
    world_.check(s.hits + s.misses == tried_, "a take was not counted");
    if (closed_) return world_.check(pool_.open() == 0, "open after close()");
    pool_.have_misfortunes(0, 0, true);
    const auto again = pool_.acquire("z", deadline::past());
    world_.check(again.has_value(), "all is back, and nothing can be had");
    pool_.give(*again);
  }

 private:
  void use(result<connection*> r) {
    if (!r) {
      const bool refused = r.error() == errc::limit || r.error() == errc::deadline_exceeded ||
                           r.error() == errc::canceled || r.error() == errc::closed;
      if (r.error() == std::errc::connection_refused) ++tried_;
      else world_.check(refused, "the wrong error");
      return;
    }
    ++tried_;
    world_.interleave();
    world_.check((*r)->in_use, "it was given to another");
    if (world_.random(3) == 0) pool_.discard(*r);
    else pool_.give(*r);
  }

  sim& world_;
  bool expires_;
  numbers pool_;
  deadline due_;
  bool closed_ = false;
  std::uint64_t tried_ = 0;
};

void use_in_every_way(sim& world) {
  traffic t{world};
  const auto visits = [&] {
    for (int i = 0; i < 3; ++i) t.visit();
  };
  world.spawn(visits);
  world.spawn(visits);
  world.thread(visits);
  world.thread(visits);
  world.spawn([&] { t.pass_time(); });  // so that deadlines come, and connections grow old
  auto stopped = world.rt().spawn([&] { t.cancellable(); });
  world.thread([&] {
    if (world.random(2) == 0) t.expire();
    if (world.random(4) == 0) t.close();
    (void)stopped.request_stop();
    stopped.join();
  });
  world.run();
  t.expect_the_end();
}

TEST(ConnectionLedger, nothing_is_lost_or_had_by_two_and_every_wait_ends) {
  explore(seeds, use_in_every_way, {.workers = 2});
}

TEST(ConnectionLedger, slow_threads_change_nothing) {
  explore(seeds / 4, use_in_every_way, {.slowness = 50, .workers = 2});
}

// Whoever gets the last place destroys all, whatever he who gave it still has to do.
void give_and_destroy(sim& world) {
  numbers pool{world, at_most(1)};
  connection* held = *pool.acquire("x");
  const bool keeps = world.random(2) == 0;
  const auto takes = [&] {
    connection* const mine = *pool.acquire(keeps ? "x" : "y");
    world.check(mine->number == (keeps ? 1 : 2), "the wrong one");
    pool.discard(mine);
    destroy_and_spoil(pool.release());
  };
  const auto gives = [&] {
    connection_ledger& ledger = pool.ledger();
    held->in_use = false;
    if (keeps) world.check(ledger.give(*held), "it is not old");
    else pool.discard(held);
  };
  if (world.random(2) == 0) world.spawn(takes);
  else world.thread(takes);
  world.advance(0ms);  // it waits
  if (world.random(2) == 0) world.spawn(gives);
  else world.thread(gives);
  world.run();
}

TEST(ConnectionLedger, may_be_destroyed_by_who_got_the_place_that_he_waited_for) {
  explore(seeds, give_and_destroy, {.workers = 2});
}

}  // namespace
}  // namespace weft

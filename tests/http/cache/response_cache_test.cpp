// The response cache around a handler that counts its calls. Each request runs in a fiber, over a transport
// that is a script; what takes time is a clock of the tests' own.
#include <weft/http/cache/response_cache.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <leak_check.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/spawn.hpp>
#include <weft/runtime/this_fiber.hpp>

#include "scripted_transport.hpp"

namespace weft::testing {
namespace {

using http::request;
using http::response;
using http::response_cache;
using http::response_cache_options;
using http::status;

std::atomic<std::int64_t> clock_ns{0};
std::int64_t test_clock() noexcept { return clock_ns; }
constexpr std::int64_t second = 1'000'000'000;

struct answer {
  std::string status, head, body;

  std::string field(std::string_view name) const {
    const std::string line = "\r\n" + std::string{name} + ": ";
    const std::size_t at = head.find(line);
    if (at == head.npos) return "";
    return head.substr(at + line.size(), head.find("\r\n", at + 2) - at - line.size());
  }
};

class ResponseCache : public weft_test::leak_check {
 protected:
  using handler = std::function<result<void>(request&, response&)>;

  /// Every path and method is answered by `f`, with the cache around it.
  void around(handler f, response_cache_options options = {}) {
    cache = std::make_unique<response_cache>(options, test_clock);
    http::router r;
    r.any("/{path...}", [this, copy = *cache, f = std::move(f)](request& q, response& s) -> result<void> {
      s.header("X-Outer", "outer");
      return copy(q, s, [&]() -> result<void> {
        calls.fetch_add(1);
        return f(q, s);
      });
    });
    of = std::make_unique<http::detail::service>(std::move(r));
    calls = 0;
  }
  /// It says how often it was called, with these fields.
  void counting(std::vector<std::pair<std::string, std::string>> fields,
                response_cache_options options = {}) {
    around(
        [this, fields = std::move(fields)](request&, response& s) -> result<void> {
          for (const auto& [name, value] : fields) s.header(name, value);
          s.text("call " + std::to_string(calls));
          return {};
        },
        options);
  }

  /// From a fiber.
  answer talk(const std::string& bytes) {
    scripted_transport peer{{bytes}};
    http::detail::date_cache date;
    const auto counts = std::make_unique<http::detail::server_counters>();
    const auto e = std::make_unique<http::detail::exchange>(*of, date, *counts);
    peer.drive(*e);
    answer a;
    const std::size_t end = peer.received.find("\r\n\r\n");
    if (end == peer.received.npos) return a;
    a.status = peer.received.substr(9, 3);
    a.head = peer.received.substr(0, end + 2);
    a.body = peer.received.substr(end + 4);
    return a;
  }
  static std::string bytes_of(std::string_view method, std::string_view target, std::string_view lines) {
    return std::string{method} + " " + std::string{target} + " HTTP/1.1\r\nHost: a\r\n" + std::string{lines} +
           "\r\n";
  }
  answer ask(std::string_view method, std::string_view target, std::string_view lines = "") {
    return rt.block_on([&] { return talk(bytes_of(method, target, lines)); });
  }
  answer get(std::string_view target, std::string_view lines = "") { return ask("GET", target, lines); }

  /// Whether the same request is answered from the cache when it comes again.
  bool keeps(std::string_view lines = "") {
    get("/", lines);
    const int before = calls;
    get("/", lines);
    return calls == before;
  }

  runtime rt{weft::options{.workers = 1}};
  std::unique_ptr<response_cache> cache;
  std::unique_ptr<http::detail::service> of;
  std::atomic<int> calls{0};
};

TEST_F(ResponseCache, answers_again_what_it_has_answered) {
  counting({{"X-Inner", "inner"}});
  const answer first = get("/a?x=1&y=2");
  EXPECT_EQ(first.body, "call 1");
  clock_ns += 3 * second;
  const answer again = get("/a?y=2&x=1");
  EXPECT_EQ(again.body, "call 1");
  EXPECT_EQ(again.status, "200");
  EXPECT_EQ(again.field("Age"), "3");
  for (const char* name : {"Content-Type", "Content-Length", "X-Inner", "ETag"}) {
    EXPECT_NE(first.field(name), "") << name;
    EXPECT_EQ(again.field(name), first.field(name)) << name;
  }
  // What stands around the cache is not stored: once per response.
  EXPECT_EQ(again.field("X-Outer"), "outer");
  EXPECT_EQ(again.head.find("X-Outer"), again.head.rfind("X-Outer"));
  EXPECT_EQ(get("/b?x=1&y=2").body, "call 2");
  EXPECT_EQ(get("/a?x=2&y=1").body, "call 3");
  EXPECT_EQ(get("/a?x=1&y=2", "Host2: b\r\n").body, "call 1");
  const auto s = cache->statistics();
  EXPECT_EQ(s.hits, 2u);
  EXPECT_EQ(s.misses, 3u);
  EXPECT_EQ(s.stores, 3u);
  EXPECT_EQ(s.evictions, 0u);
}

TEST_F(ResponseCache, answers_head_from_what_get_has_stored) {
  counting({});
  EXPECT_EQ(ask("HEAD", "/").body, "");
  EXPECT_EQ(ask("HEAD", "/").body, "");
  EXPECT_EQ(calls, 2);  // it stores nothing itself
  const answer whole = get("/");
  const answer head = ask("HEAD", "/");
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.field("Content-Length"), whole.field("Content-Length"));
  EXPECT_EQ(head.field("ETag"), whole.field("ETag"));
}

TEST_F(ResponseCache, answers_304_to_who_has_it) {
  counting({{"Cache-Control", "max-age=9"}, {"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"}});
  const std::string tag = get("/").field("ETag");
  EXPECT_TRUE(tag.starts_with("W/\""));
  for (const std::string& line :
       {"If-None-Match: " + tag, std::string{"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"}}) {
    const answer unchanged = get("/", line + "\r\n");
    EXPECT_EQ(unchanged.status, "304") << line;
    EXPECT_EQ(unchanged.field("ETag"), tag);
    EXPECT_EQ(unchanged.field("Cache-Control"), "max-age=9");
    EXPECT_EQ(unchanged.field("Last-Modified"), "");
    EXPECT_EQ(unchanged.body, "");
  }
  EXPECT_EQ(get("/", "If-None-Match: \"x\"\r\n").status, "200");
  EXPECT_EQ(get("/", "If-Match: \"x\"\r\n").status, "412");
  EXPECT_EQ(calls, 1);
  // Also when it had to be computed for that.
  clock_ns += 10 * second;
  counting({});
  get("/");
  const std::string other = get("/").field("ETag");
  cache->clear();
  calls = 0;  // so that it is the same once more
  EXPECT_EQ(get("/", "If-None-Match: " + other + "\r\n").status, "304");
  EXPECT_EQ(calls, 1);
}

TEST_F(ResponseCache, leaves_an_etag_of_the_handlers_alone) {
  counting({{"ETag", "\"own\""}});
  EXPECT_EQ(get("/").field("ETag"), "\"own\"");
  EXPECT_EQ(get("/").field("ETag"), "\"own\"");
  EXPECT_EQ(get("/", "If-None-Match: \"own\"\r\n").status, "304");
}

TEST_F(ResponseCache, keeps_a_response_while_it_is_fresh) {
  counting({}, {.ttl = std::chrono::seconds{10}});
  get("/");
  clock_ns += 10 * second - 1;
  EXPECT_EQ(get("/").body, "call 1");
  clock_ns += 1;
  EXPECT_EQ(get("/").body, "call 2");
  counting({{"Cache-Control", "max-age=3"}});
  get("/");
  clock_ns += 3 * second - 1;
  EXPECT_EQ(get("/").body, "call 1");
  clock_ns += 1;
  EXPECT_EQ(get("/").body, "call 2");
}

TEST_F(ResponseCache, stores_only_what_may_be_stored) {
  counting({});
  EXPECT_TRUE(keeps());
  counting({{"Cache-Control", "no-store"}});
  EXPECT_FALSE(keeps());
  counting({{"Cache-Control", "private"}});
  EXPECT_FALSE(keeps());
  counting({{"Set-Cookie", "a=b"}});
  EXPECT_FALSE(keeps());
  counting({{"Vary", "*"}});
  EXPECT_FALSE(keeps());
  counting({}, {.ttl = std::chrono::seconds{0}});
  EXPECT_FALSE(keeps());
  counting({}, {.body_max = 5});
  EXPECT_FALSE(keeps());
  counting({}, {.bytes_max = 100});
  EXPECT_FALSE(keeps());
  counting({}, {.entries_max = 0});
  EXPECT_FALSE(keeps());
  const std::pair<const char*, handler> never[] = {
      {"an error", [](request&, response&) -> result<void> { return std::unexpected(status::not_found); }},
      {"a failure",
       [](request&, response&) -> result<void> {
         return std::unexpected(std::make_error_code(std::errc::io_error));
       }},
      {"an exception", [](request&, response&) -> result<void> { throw std::runtime_error{"oops"}; }},
      {"a status",
       [](request&, response& s) -> result<void> {
         s.status(status::service_unavailable).text("x");
         return {};
       }},
      {"a part",
       [](request&, response& s) -> result<void> {
         s.status(status::partial_content).header("Content-Range", "bytes 0-0/2").text("x");
         return {};
       }},
      {"a stream", [](request&, response& s) -> result<void> { return s.write(std::string_view{"x"}); }},
      {"a precompiled one",
       [](request&, response& s) -> result<void> {
         s.send(http::precompiled{status::ok, "text/plain", "x"});
         return {};
       }},
      {"one with a trailer",
       [](request&, response& s) -> result<void> {
         s.trailer("X", "y");
         s.text("x");
         return {};
       }},
      {"a field that must not be sent",
       [](request&, response& s) -> result<void> {
         s.header("X", "a\r\nb").text("x");
         return {};
       }},
  };
  for (const auto& [what, f] : never) {
    around(f);
    EXPECT_FALSE(keeps()) << what;
    EXPECT_EQ(calls, 2) << what;
    EXPECT_EQ(cache->statistics().stores, 0u) << what;
  }
}

TEST_F(ResponseCache, stores_other_answers_than_200) {
  around([](request&, response& s) -> result<void> {
    s.status(status::moved_permanently).header("Location", "/b");
    return {};
  });
  get("/");
  const answer again = get("/", "If-None-Match: *\r\n");  // conditions are for what succeeds
  EXPECT_EQ(again.status, "301");
  EXPECT_EQ(again.field("Location"), "/b");
  EXPECT_EQ(calls, 1);
}

TEST_F(ResponseCache, lets_past_what_is_not_for_a_cache) {
  counting({});
  get("/");
  EXPECT_EQ(get("/", "Range: bytes=0-1\r\n").body, "call 2");
  EXPECT_EQ(get("/", "Cache-Control: no-store\r\n").body, "call 3");
  EXPECT_EQ(ask("OPTIONS", "/").body, "call 4");
  EXPECT_EQ(get("/").body, "call 1");
  EXPECT_EQ(cache->statistics().passes, 3u);
  EXPECT_EQ(get("/", "Cache-Control: no-cache\r\n").body, "call 1");
}

TEST_F(ResponseCache, keeps_answers_to_credentials_only_if_they_are_for_all) {
  for (const char* line : {"Authorization: Basic x\r\n", "Cookie: a=b\r\n"}) {
    counting({});
    EXPECT_FALSE(keeps(line));
    EXPECT_EQ(get("/").body, "call 3");
    EXPECT_EQ(get("/").body, "call 3");        // stored, for who has none;
    EXPECT_EQ(get("/", line).body, "call 4");  // who has some does not get it
    counting({{"Cache-Control", "public"}});
    EXPECT_TRUE(keeps(line));
    EXPECT_EQ(get("/").body, "call 1");
  }
}

TEST_F(ResponseCache, tells_variants_apart) {
  around([this](request& q, response& s) -> result<void> {
    s.header("Vary", "Accept-Language, X");
    s.text(std::string{q.header("accept-language").value_or("none")} + " " + std::to_string(calls));
    return {};
  });
  EXPECT_EQ(get("/", "Accept-Language: de\r\n").body, "de 1");
  EXPECT_EQ(get("/", "Accept-Language: en\r\n").body, "en 2");
  EXPECT_EQ(get("/").body, "none 3");
  EXPECT_EQ(get("/", "Accept-Language:\r\n").body, " 4");
  EXPECT_EQ(get("/", "Accept-Language: de\r\n").body, "de 1");
  EXPECT_EQ(get("/", "Accept-Language: en\r\n").body, "en 2");
  EXPECT_EQ(get("/").body, "none 3");
  EXPECT_EQ(get("/", "Accept-Language: de\r\nX: y\r\n").body, "de 5");
  EXPECT_EQ(get("/", "Accept-Language: de\r\nAccept: x\r\n").body, "de 1");
}

TEST_F(ResponseCache, forgets_a_path_that_is_written_to) {
  around([this](request& q, response& s) -> result<void> {
    if (q.query("fail")) return std::unexpected(status::conflict);
    s.text("call " + std::to_string(calls));
    return {};
  });
  get("/a");
  get("/a?x");
  get("/b");
  ask("POST", "/a?fail=1", "Content-Length: 0\r\n");
  EXPECT_EQ(get("/a").body, "call 1");
  ask("POST", "/a", "Content-Length: 0\r\n");
  EXPECT_EQ(get("/a").body, "call 6");
  EXPECT_EQ(get("/a?x").body, "call 7");
  EXPECT_EQ(get("/b").body, "call 3");
  cache->clear();
  EXPECT_EQ(get("/b").body, "call 8");
}

// What was computed before a path was written to, and comes after, is old.
TEST_F(ResponseCache, does_not_keep_what_was_overtaken_by_a_write) {
  around([this](request& q, response& s) -> result<void> {
    if (q.method() == "GET" && calls == 1) talk(bytes_of("DELETE", "/", ""));
    s.text("call " + std::to_string(calls));
    return {};
  });
  EXPECT_EQ(get("/").body, "call 2");  // the other one was the write
  EXPECT_EQ(get("/").body, "call 3");
  EXPECT_EQ(get("/").body, "call 3");
}

TEST_F(ResponseCache, keeps_within_its_bounds) {
  counting({}, {.entries_max = 10});
  for (int i = 0; i < 100; ++i) {
    get("/popular");
    get("/" + std::to_string(i));
  }
  EXPECT_EQ(get("/popular").body, "call 1");
  const auto s = cache->statistics();
  EXPECT_EQ(s.stores, 101u);
  EXPECT_EQ(s.evictions, 91u);
}

// --- single flight: the handler goes on only when all others wait for it

class SingleFlight : public ResponseCache {
 protected:
  static constexpr int count = 50;

  void when_all_wait() {
    while (cache->statistics().waits + 1 < count) this_fiber::yield();
  }
  std::vector<answer> all_ask(std::string_view lines = "") {
    return rt.block_on([&] {
      std::vector<task<answer>> asking;
      asking.reserve(count);
      for (int i = 0; i < count; ++i)
        asking.push_back(spawn([&] { return talk(bytes_of("GET", "/", lines)); }));
      std::vector<answer> answers;
      answers.reserve(count);
      for (auto& a : asking) answers.push_back(a.join());
      return answers;
    });
  }
  static int with_status(const std::vector<answer>& all, std::string_view status) {
    int sum = 0;
    for (const answer& a : all) sum += a.status == status;
    return sum;
  }
};

TEST_F(SingleFlight, computes_once_what_all_want) {
  around([this](request&, response& s) -> result<void> {
    when_all_wait();
    s.text("call " + std::to_string(calls));
    return {};
  });
  for (const answer& a : all_ask()) EXPECT_EQ(a.body, "call 1");
  EXPECT_EQ(calls, 1);
  const auto s = cache->statistics();
  EXPECT_EQ(s.waits, 49u);
  EXPECT_EQ(s.hits, 49u);
  EXPECT_EQ(s.misses, 1u);
}

TEST_F(SingleFlight, shares_a_failure_of_the_servers) {
  around([this](request&, response&) -> result<void> {
    when_all_wait();
    return std::unexpected(std::make_error_code(std::errc::io_error));
  });
  EXPECT_EQ(with_status(all_ask(), "500"), count);
  EXPECT_EQ(calls, 1);
}

TEST_F(SingleFlight, shares_neither_refusals_nor_what_is_not_stored) {
  around([this](request&, response&) -> result<void> {
    if (calls == 1) when_all_wait();
    return std::unexpected(status::too_many_requests);
  });
  EXPECT_EQ(with_status(all_ask(), "429"), count);
  EXPECT_EQ(calls, count);
  around([this](request&, response& s) -> result<void> {
    const int mine = calls;
    if (mine == 1) when_all_wait();
    s.header("Cache-Control", "no-store").text("call " + std::to_string(mine));
    return {};
  });
  std::string bodies;
  for (const answer& a : all_ask()) {
    EXPECT_EQ(bodies.find(a.body + ";"), bodies.npos) << a.body;
    bodies += a.body + ";";
  }
  EXPECT_EQ(calls, count);
  // And for a second nobody waits.
  const auto before = cache->statistics().waits;
  around([this](request&, response& s) -> result<void> {
    s.header("Cache-Control", "no-store").text("call " + std::to_string(calls));
    return {};
  });
  get("/");
  calls = 0;
  EXPECT_EQ(with_status(all_ask(), "200"), count);
  EXPECT_EQ(calls, count);
  EXPECT_EQ(before, 49u);
  EXPECT_EQ(cache->statistics().waits, 0u);
  clock_ns += second;
  around([this](request&, response& s) -> result<void> {
    if (calls == 1) when_all_wait();
    s.text("x");
    return {};
  });
  all_ask();
  EXPECT_EQ(calls, 1);
}

TEST_F(SingleFlight, goes_on_with_the_next_when_one_is_lost) {
  around([this](request&, response& s) -> result<void> {
    const int mine = calls;
    if (mine == 1) when_all_wait();
    if (mine == 1) throw std::runtime_error{"oops"};
    if (mine == 2) return std::unexpected(errc::canceled);
    if (mine == 3) return std::unexpected(errc::deadline_exceeded);
    s.text("x");
    return {};
  });
  const auto all = all_ask();
  EXPECT_EQ(with_status(all, "200"), count - 3);
  EXPECT_EQ(with_status(all, "504"), 1);
  EXPECT_EQ(calls, 4);
}

TEST_F(SingleFlight, does_not_wait_with_credentials) {
  counting({});
  all_ask("Cookie: a=b\r\n");
  EXPECT_EQ(calls, count);
  EXPECT_EQ(cache->statistics().waits, 0u);
}

// Many workers, keys, writes and evictions at once: nobody gets another's answer.
TEST(ResponseCacheStress, gives_each_its_own_on_all_workers) {
  runtime rt{weft::options{.workers = 4}};
  const response_cache cache{{.entries_max = 6}};
  http::router r;
  std::atomic<int> calls{0};
  r.any("/{path...}", [&](request& q, response& s) -> result<void> {
    return cache(q, s, [&]() -> result<void> {
      const int mine = calls.fetch_add(1);
      if (mine % 3 == 0) this_fiber::yield();
      if (mine % 17 == 0) return std::unexpected(errc::canceled);
      if (mine % 7 == 0) s.header("Cache-Control", "no-store");
      if (mine % 5 == 0) s.header("Vary", "Accept");
      s.text(q.path());
      return {};
    });
  });
  const http::detail::service of{std::move(r)};
  std::atomic<int> wrong{0};
  rt.block_on([&] {
    std::vector<task<void>> all;
    all.reserve(64);
    for (unsigned i = 0; i < 64; ++i)
      all.push_back(spawn([&, i] {
        std::mt19937 random{i};
        http::detail::date_cache date;
        const auto counts = std::make_unique<http::detail::server_counters>();
        for (int n = 0; n < 100; ++n) {
          const std::string path = "/" + std::to_string(random() % 10);
          const bool writes = random() % 20 == 0;
          scripted_transport peer{{(writes ? "DELETE " : "GET ") + path + " HTTP/1.1\r\nHost: a\r\nAccept: " +
                                   std::to_string(random() % 2) + "\r\n\r\n"}};
          const auto e = std::make_unique<http::detail::exchange>(of, date, *counts);
          peer.drive(*e);
          const bool right = peer.received.ends_with("\r\n\r\n" + path);
          if (!right && !peer.received.starts_with("HTTP/1.1 500")) wrong.fetch_add(1);
        }
      }));
    for (auto& t : all) t.join();
  });
  EXPECT_EQ(wrong, 0);
  const auto s = cache.statistics();
  EXPECT_EQ(s.hits + s.misses + s.passes, 6400u);
  EXPECT_GT(s.hits, 0u);
  EXPECT_GT(s.evictions, 0u);
}

}  // namespace
}  // namespace weft::testing

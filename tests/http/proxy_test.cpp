// The server behind a proxy that says whose a connection is.
// real time: the clients are foreign threads, and what is tested includes a deadline.
#include "server_fixture.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <weft/http/connection.hpp>
#include <weft/http/middleware/logger.hpp>
#include <weft/http/middleware/rate_limit.hpp>
#include <weft/http/reception.hpp>

#include "binary_proxy_header.hpp"

namespace weft::testing {
namespace {

using namespace std::chrono_literals;
using http::proxy_protocol_mode;
using std::chrono::steady_clock;

const std::string text_header = "PROXY TCP4 192.0.2.7 198.51.100.8 1234 443\r\n";
constexpr std::string_view client_address = "192.0.2.7:1234";

class ProxiedServer : public HttpServer {
 protected:
  void start_proxied(http::server_options options = {}, void (*more)(http::router&) = nullptr) {
    options.proxy_protocol = proxy_protocol_mode::required;
    start(options, more);
  }
  // The peer that the server sees of who sends this first.
  std::string peer_of(const std::string& header) const {
    client c = connect();
    c.send(header + get("/peer"));
    const std::string seen = body_of(c.response());
    return seen == c.local_address() ? "the socket's" : seen;
  }
  // What comes back to who sends this and then waits.
  std::string answer_to(const std::string& bytes) const {
    client c = connect();
    c.send(bytes);
    return c.rest();
  }
};

TEST_F(ProxiedServer, sees_the_client_that_the_header_names) {
  start_proxied();
  EXPECT_EQ(peer_of(text_header), client_address);
  EXPECT_EQ(peer_of(binary_proxy_header(0x21, 0x11, ipv4_block())), client_address);
  EXPECT_EQ(peer_of("PROXY TCP6 2001:db8::7 ::1 1234 443\r\n"), "[2001:db8::7]:1234");
}

TEST_F(ProxiedServer, sees_the_proxy_where_it_names_no_client) {
  start_proxied();
  EXPECT_EQ(peer_of("PROXY UNKNOWN\r\n"), "the socket's");
  EXPECT_EQ(peer_of(binary_proxy_header(0x20, 0, "")), "the socket's");
  EXPECT_EQ(peer_of(binary_proxy_header(0x20, 0x11, ipv4_block())), "the socket's");
  EXPECT_EQ(peer_of(binary_proxy_header(0x21, 0, "")), "the socket's");
  EXPECT_EQ(peer_of(binary_proxy_header(0x21, 0x31, std::string(216, 'u'))), "the socket's");
}

TEST_F(ProxiedServer, serves_connections_whose_header_comes_alone) {
  start_proxied();
  client c = connect();
  for (int i = 0; i < 3; ++i) {
    if (i == 0) c.send(text_header);
    // real time: until it has been taken in, of which nothing is to be seen
    std::this_thread::sleep_for(10ms);
    c.send(get("/peer"));
    EXPECT_EQ(body_of(c.response()), client_address);
  }
}

TEST_F(ProxiedServer, serves_connections_whose_header_comes_byte_by_byte) {
  start_proxied();
  for (const std::string& header : {text_header, binary_proxy_header(0x21, 0x11, ipv4_block())}) {
    client c = connect();
    for (const char byte : header + get("/peer")) {
      c.send({&byte, 1});
      std::this_thread::sleep_for(100us);  // real time: so that they come one by one
    }
    EXPECT_EQ(body_of(c.response()), client_address);
  }
}

TEST_F(ProxiedServer, answers_what_comes_with_the_header_in_one_send) {
  start_proxied();
  client c = connect();
  std::string all = text_header;
  for (int i = 0; i < 20; ++i) all += get(i % 2 == 0 ? "/" : "/peer");
  c.send(all);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(body_of(c.response()), i % 2 == 0 ? std::string_view{"Hello, World!"} : client_address);
  client fixed = connect();
  fixed.send(text_header + get("/") + get("/"));
  EXPECT_EQ(status_of(fixed.response()), "200");
  EXPECT_EQ(status_of(fixed.response()), "200");
  EXPECT_EQ(fixed.data_segments(), 1u);
}

TEST_F(ProxiedServer, takes_the_longest_header_and_a_request_of_several_blocks_behind_it) {
  start_proxied();
  const std::string extension = "\xe0" + two_bytes(4096 - 16 - 12 - 3);
  const std::string longest =
      binary_proxy_header(0x21, 0x11, ipv4_block() + extension + std::string(4096 - 16 - 12 - 3, '\0'));
  ASSERT_EQ(longest.size(), 4096u);
  const std::string body(100'000, 'b');
  client c = connect();
  std::string lines;
  for (int i = 0; i < 2; ++i) lines += "X: " + std::string(6000, 'x') + "\r\n";
  c.send(longest + get("/peer", lines) + post("/echo", body));
  EXPECT_EQ(body_of(c.response()), client_address);
  EXPECT_TRUE(body_of(c.response()) == body);
}

TEST_F(ProxiedServer, takes_one_header_per_connection) {
  start_proxied();
  client c = connect();
  c.send(text_header + get("/") + text_header + get("/"));
  EXPECT_EQ(status_of(c.response()), "200");
  EXPECT_EQ(status_of(c.response()), "400");
  EXPECT_EQ(c.rest(), "");
}

TEST_F(ProxiedServer, closes_without_an_answer_what_begins_otherwise) {
  start_proxied();
  for (const std::string& bad :
       {get("/"), std::string{"\n"}, "PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n" + get("/"),
        "PROXY\r\n" + get("/"), "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n" + get("/"), std::string(200, 'P'),
        "PROXY " + std::string(200, 'x'), binary_proxy_header(0x22, 0x11, ipv4_block()) + get("/"),
        binary_proxy_header(0x21, 0x11, "short") + get("/"),
        binary_proxy_header(0x21, 0x11, std::string(5000, 'x'))})
    EXPECT_EQ(answer_to(bad), "") << bad;
  EXPECT_EQ(peer_of(text_header), client_address);
}

TEST_F(ProxiedServer, reports_what_begins_otherwise_but_not_each_of_a_flood) {
  start_proxied();
  const int before = failures_heard.load();
  const auto begin = steady_clock::now();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(answer_to(get("/")), "");
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(steady_clock::now() - begin).count();
  EXPECT_GE(failures_heard.load(), before + 1);
  EXPECT_LE(failures_heard.load(), before + 2 * static_cast<int>(seconds + 1)) << "one a second and worker";
}

// A balancer that looks whether the port is open is no news.
TEST_F(ProxiedServer, says_nothing_of_connections_that_end_before_their_first_byte) {
  start_proxied();
  const int before = failures_heard.load();
  for (int i = 0; i < 10; ++i) {
    client c = connect();
    if (i % 2 == 0) {
      c.end();
      EXPECT_EQ(c.rest(), "");
    } else {
      c.reset();
    }
  }
  EXPECT_EQ(peer_of(text_header), client_address);
  EXPECT_EQ(failures_heard.load(), before);
}

TEST_F(ProxiedServer, survives_ends_and_resets_within_the_header) {
  start_proxied();
  const std::string binary = binary_proxy_header(0x21, 0x11, ipv4_block());
  for (const std::string& header : {text_header, binary})
    for (std::size_t n = 1; n <= header.size(); n += 3) {
      client ends = connect(), resets = connect();
      ends.send(header.substr(0, n));
      ends.end();
      EXPECT_EQ(ends.rest(), "");
      resets.send(header.substr(0, n));
      resets.reset();
    }
  EXPECT_EQ(peer_of(text_header), client_address);
}

TEST_F(ProxiedServer, waits_for_the_header_as_long_as_for_a_head) {
  start_proxied({.head = 150ms, .idle = 60s});
  for (const std::string& part : {std::string{}, text_header.substr(0, 20)}) {
    const auto begin = steady_clock::now();  // the server may begin to count before connect() returns
    client c = connect();
    c.send(part);
    EXPECT_EQ(c.rest(), "");
    EXPECT_GE(steady_clock::now() - begin, 150ms) << part;
    EXPECT_TRUE(c.clean());
  }
  const auto begin = steady_clock::now();
  client drips = connect();
  for (std::size_t i = 0; i < 20; ++i) {
    drips.send(text_header.substr(i, 1));
    std::this_thread::sleep_for(20ms);  // real time: to drip is what is tested
  }
  EXPECT_EQ(drips.rest(), "");
  EXPECT_GE(steady_clock::now() - begin, 150ms);
  EXPECT_EQ(peer_of(text_header), client_address);
}

// Each has its own time: the header, then a connection that idles, then a head.
TEST_F(ProxiedServer, gives_what_follows_the_header_its_own_time) {
  start_proxied({.head = 150ms, .idle = 60s});
  client idles = connect(), begins = connect();
  idles.send(text_header);
  begins.send(text_header + "GET / HT");
  EXPECT_EQ(status_of(begins.response()), "408");
  std::this_thread::sleep_for(200ms);  // real time: longer than a header or a head may take
  idles.send(get("/peer"));
  EXPECT_EQ(body_of(idles.response()), client_address);
}

TEST_F(ProxiedServer, lets_who_says_nothing_make_room_and_wants_a_header_of_who_takes_it) {
  start_proxied({.connections_max = 1, .head = 60s});
  const auto wait_until_it_is_idle = [] {
    // real time: of the server's clock
    std::this_thread::sleep_for(http::detail::reception::idle_min + 200ms);
  };
  client silent = connect();
  wait_until_it_is_idle();
  client first = connect();
  first.send(text_header + get("/peer"));
  EXPECT_EQ(body_of(first.response()), client_address);
  EXPECT_EQ(silent.rest(), "");
  wait_until_it_is_idle();
  client second = connect();
  second.send(binary_proxy_header(0x20, 0, "") + get("/peer"));
  EXPECT_EQ(body_of(second.response()), second.local_address()) << "not that of who was there before";
  EXPECT_EQ(first.rest(), "");
  wait_until_it_is_idle();
  EXPECT_EQ(answer_to(get("/")), "");
  EXPECT_EQ(second.rest(), "");
}

TEST_F(ProxiedServer, closes_silent_connections_at_once_when_it_drains_and_serves_those_that_began) {
  start_proxied({.head = 60s, .drain = 5s});
  std::vector<client> silent;
  for (int i = 0; i < 20; ++i) {
    silent.push_back(connect());
    if (i % 2 == 0) silent.back().send(text_header);
  }
  client begun = connect();
  begun.send(text_header.substr(0, 10));
  std::this_thread::sleep_for(50ms);  // real time: until they have been taken in
  const auto begin = steady_clock::now();
  std::thread stopping{[this] { stop(); }};
  for (client& c : silent) EXPECT_EQ(c.rest(), "");
  EXPECT_LT(steady_clock::now() - begin, 2s);
  begun.send(text_header.substr(10) + get("/peer"));
  const std::string last = begun.response();
  EXPECT_EQ(body_of(last), client_address);
  EXPECT_TRUE(says_close(last));
  stopping.join();
}

TEST_F(ProxiedServer, ends_half_a_header_with_the_drain) {
  start_proxied({.head = 60s, .drain = 100ms});
  client begun = connect(), silent = connect();
  begun.send(text_header.substr(0, 10));
  std::this_thread::sleep_for(50ms);  // real time: until it has been taken in
  EXPECT_LT(stop(), 3s);
  EXPECT_EQ(begun.rest(), "");
}

std::mutex log_lock;
std::vector<std::string> log_lines;

TEST_F(ProxiedServer, shows_its_log_and_its_limits_the_client) {
  log_lines.clear();
  start_proxied({}, [](http::router& r) {
    r.use(http::logger{{.sink =
                            [](std::string_view line) {
                              const std::lock_guard guard{log_lock};
                              log_lines.emplace_back(line);
                            },
                        .format = http::log_format::common}});
    auto& limited = r.group("/limited");
    limited.use(http::rate_limit{{.allowed = {.count = 1, .per = 1h}, .burst = 1}});
    limited.get("/", [](http::request&, http::response& s) { s.text("yes"); });
  });
  const auto ask_as = [this](const std::string& from) {
    client c = connect();
    c.send("PROXY TCP4 " + from + " 198.51.100.8 1234 443\r\n" + get("/limited/"));
    return status_of(c.response());
  };
  EXPECT_EQ(ask_as("192.0.2.1"), "200");
  EXPECT_EQ(ask_as("192.0.2.1"), "429");
  EXPECT_EQ(ask_as("192.0.2.2"), "200");
  stop();
  ASSERT_EQ(log_lines.size(), 3u);
  EXPECT_TRUE(log_lines[0].starts_with("192.0.2.1 - - ")) << log_lines[0];
  EXPECT_TRUE(log_lines[2].starts_with("192.0.2.2 - - ")) << log_lines[2];
}

TEST_F(HttpServer, knows_no_proxys_header_unless_it_was_told_of_one) {
  start();
  for (const std::string& header : {text_header, binary_proxy_header(0x21, 0x11, ipv4_block())}) {
    client c = connect();
    c.send(header + get("/peer"));
    EXPECT_EQ(status_of(c.response()), "400");
  }
}

// The address of the client fits into what the pool's blocks have left over.
TEST(ProxiedConnection, costs_no_memory_unless_there_is_a_proxy) {
  EXPECT_EQ(object_pool<http::detail::connection>::block_bytes(), 320u);
}

}  // namespace
}  // namespace weft::testing

// Requests whose bodies are produced in pieces.
#include "client_fixture.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <weft/http/server.hpp>

namespace weft::testing {
namespace {

// Produces the pieces, then the end.
struct pieces {
  std::vector<std::string> left;
  std::size_t calls = 0;

  result<std::size_t> operator()(std::span<std::byte> into) {
    ++calls;
    if (left.empty()) return std::size_t{0};
    std::string& first = left.front();
    const std::size_t length = std::min(first.size(), into.size());
    std::memcpy(into.data(), first.data(), length);
    first.erase(0, length);
    if (first.empty()) left.erase(left.begin());
    return length;
  }
};

TEST_F(HttpClient, sends_each_piece_as_a_chunk) {
  on_fiber([] {
    std::string seen;
    scripted_server server{{[&](server_side& s) {
      seen = s.request();
      s.send(ok("taken"));
      s.sees_end();
    }}};
    http::client client;
    EXPECT_EQ(text_of(client.send({.method = "POST", .url = server.url()},
                                  pieces{{"one", "twenty-six characters here"}}, 5s)),
              "taken");
    client.close();
    server.stop();
    EXPECT_EQ(seen.find("Content-Length"), seen.npos);
    EXPECT_TRUE(seen.ends_with(
        "Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n1a\r\ntwenty-six characters here\r\n0\r\n\r\n"))
        << seen;
  });
}

TEST_F(HttpClient, sends_long_bodies_that_a_server_reads_as_they_were) {
  on_fiber([] {
    http::router r;
    r.post("/echo",
           [](http::request& q, http::response& s) -> result<void> {
             s.text(WEFT_TRY(q.body()));
             return {};
           },
           {.body_max = 8 << 20});
    http::server server{std::move(r)};
    ASSERT_TRUE(server.listen("127.0.0.1:0"));
    auto serving = spawn([&] { return server.serve(); });
    {
      http::client client;
      const http::call c{.method = "POST", .url = "http://" + server.addresses().front() + "/echo"};
      std::vector<std::string> all;
      std::string whole;
      all.reserve(200);
      for (std::size_t i = 0; i < 200; ++i) {
        all.emplace_back(1 + i * 170, static_cast<char>('a' + i % 26));
        whole += all.back();
      }
      EXPECT_TRUE(text_of(client.send(c, pieces{all}, 10s)) == whole);
      EXPECT_EQ(text_of(client.send(c, pieces{}, 10s)), "");
      EXPECT_EQ(client.stats().misses, 1u);
    }
    server.request_stop();
    EXPECT_TRUE(serving.join());
  });
}

TEST_F(HttpClient, says_why_a_body_ended) {
  on_fiber([] {
    bool ended = false;
    scripted_server server{{[&](server_side& s) {
      EXPECT_NE(s.request().find("\r\n1\r\nx\r\n"), std::string::npos);
      ended = s.sees_end();
    }}};
    http::client client;
    bool first = true;
    const auto failing = [&](std::span<std::byte> into) -> result<std::size_t> {
      if (!std::exchange(first, false)) {
        while (server.connections() == 0) this_fiber::yield();  // or the stop comes before it is accepted
        return std::unexpected(std::make_error_code(std::errc::io_error));
      }
      into[0] = std::byte{'x'};
      return std::size_t{1};
    };
    EXPECT_EQ(failure(client.send({.method = "POST", .url = server.url()}, failing, 5s)),
              std::errc::io_error);
    server.stop();
    EXPECT_TRUE(ended);
    EXPECT_EQ(client.stats().idle, 0u);
  });
}

// Once begun, a body cannot be had again: not even for a request that might be sent twice.
TEST_F(HttpClient, sends_no_produced_body_twice) {
  on_fiber([] {
    scripted_server server{{[](server_side& s) {
                              s.answer(ok("first"));
                              s.request();
                            },
                            always(ok("second"))}};
    http::client client;
    EXPECT_EQ(text_of(client.get(server.url(), 5s)), "first");
    EXPECT_EQ(failure(client.send({.method = "PUT", .url = server.url()}, pieces{{"x"}}, 5s)),
              errc::end_of_stream);
    EXPECT_EQ(server.connections(), 1u);
  });
}

// More is produced only when the last piece has gone out, and none after an answer.
TEST_F(HttpClient, stops_a_body_that_nobody_wants) {
  on_fiber([] {
    scripted_server server{{[](server_side& s) {
      s.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!");
      s.request();
    }}};
    http::client client;
    std::size_t produced = 0;
    const auto endless = [&](std::span<std::byte> into) -> result<std::size_t> {
      if (++produced > 100'000) return std::unexpected(errc::limit);
      std::ranges::fill(into, std::byte{'x'});
      return into.size();
    };
    auto got = client.send({.method = "POST", .url = server.url()}, endless, 10s);
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(got->status(), http::status::content_too_large);
    EXPECT_EQ(text_of(std::move(got)), "no!");
    EXPECT_EQ(client.stats().idle, 0u);
  });
}

}  // namespace
}  // namespace weft::testing

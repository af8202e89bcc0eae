// The client against weft's own server, in one runtime.
#include "client_fixture.hpp"

#include <unistd.h>

#include <memory>
#include <optional>
#include <string>

#include <weft/http/server.hpp>
#include <weft/runtime/nursery.hpp>

namespace weft::testing {
namespace {

http::router routes() {
  http::router r;
  r.get("/", http::precompiled{http::status::ok, "text/plain", "Hello, World!"});
  r.post("/echo",
         [](http::request& q, http::response& s) -> result<void> {
           s.text(WEFT_TRY(q.body()));
           return {};
         },
         {.body_max = 8 << 20});
  r.get("/told", [](http::request& q, http::response& s) {
    s.text(std::string{q.header("host").value_or("none")} + ' ' +
           std::string{q.header("user-agent").value_or("none")} + ' ' +
           std::string{q.header("x").value_or("none")} + ' ' + std::string{q.target()});
  });
  r.get("/stream", [](http::request&, http::response& s) -> result<void> {
    for (int i = 0; i < 100; ++i) WEFT_TRY(s.write(std::to_string(i) + ','));
    return {};
  });
  r.get("/cookies", [](http::request&, http::response& s) {
    s.header("Set-Cookie", "a=1").header("X", "y").header("set-cookie", "b=2").text("");
  });
  return r;
}

// A server that runs as long as this.
class served {
 public:
  served() : server_{routes()} {
    EXPECT_TRUE(server_.listen("127.0.0.1:0"));
    serving_ = spawn([this] { return server_.serve(); });
  }
  ~served() {
    server_.request_stop();
    EXPECT_TRUE(serving_.join());
  }
  std::string at() const { return server_.addresses().front(); }
  std::string url(std::string_view target) const { return "http://" + at() + std::string{target}; }

 private:
  http::server server_;
  task<result<void>> serving_;
};

TEST_F(HttpClient, uses_a_connection_again) {
  on_fiber([] {
    served server;
    http::client client;
    for (int i = 0; i < 20; ++i) {
      auto got = client.get(server.url("/"), 5s);
      ASSERT_TRUE(got) << got.error().message();
      EXPECT_EQ(got->status(), http::status::ok);
      EXPECT_EQ(got->header("CONTENT-type"), "text/plain");
      EXPECT_EQ(got->body().value_or("failed"), "Hello, World!");
      EXPECT_EQ(got->body().value_or("failed"), "");  // it has been read
    }
    EXPECT_EQ(client.stats().misses, 1u);
    EXPECT_EQ(client.stats().hits, 19u);
  });
}

TEST_F(HttpClient, says_what_it_is_told_to) {
  on_fiber([] {
    served server;
    http::client client;
    EXPECT_EQ(text_of(client.get(server.url("/told?a=b#c"))), server.at() + " weft none /told?a=b");
    EXPECT_EQ(text_of(client.send({.url = server.url("/told"),
                                   .headers = {{"Host", "other"}, {"X", "y z"}, {"User-Agent", "me"}}})),
              "other me y z /told");
    http::client nameless{{.user_agent = ""}};
    EXPECT_EQ(text_of(nameless.get(server.url("/told"))), server.at() + " none none /told");
  });
}

TEST_F(HttpClient, goes_to_an_endpoint_instead_of_the_host) {
  on_fiber([] {
    const std::string at = "unix:@weft-client-test-" + std::to_string(::getpid());
    http::server server{routes()};
    ASSERT_TRUE(server.listen(at));
    auto serving = spawn([&] { return server.serve(); });
    http::client client{{.endpoint = at}};
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(text_of(client.get("http://example.test/told")), "example.test weft none /told");
    EXPECT_EQ(client.stats().misses, 1u);  // one connection, used again
    server.request_stop();
    EXPECT_TRUE(serving.join());
    EXPECT_EQ(client.get("http://example.test/told").error(), std::errc::connection_refused);
  });
}

TEST_F(HttpClient, sends_and_takes_large_bodies) {
  on_fiber([] {
    served server;
    http::client client;
    std::string body(std::size_t{5} << 20, '\0');
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 26);
    for (int round = 0; round < 3; ++round)
      EXPECT_TRUE(text_of(client.send({.method = "POST", .url = server.url("/echo"), .body = body})) == body);
    EXPECT_EQ(text_of(client.send({.method = "POST", .url = server.url("/echo")})), "");
    EXPECT_EQ(client.stats().misses, 1u);
  });
}

TEST_F(HttpClient, reads_a_stream_as_it_comes) {
  on_fiber([] {
    served server;
    http::client client;
    std::string expected, got;
    for (int i = 0; i < 100; ++i) expected += std::to_string(i) + ',';
    auto reply = client.get(server.url("/stream"), 5s);
    ASSERT_TRUE(reply);
    std::array<std::byte, 7> piece;
    for (;;) {
      const auto count = reply->read(piece, 5s);
      ASSERT_TRUE(count) << count.error().message();
      if (*count == 0) break;
      got.append(reinterpret_cast<const char*>(piece.data()), *count);
    }
    EXPECT_EQ(got, expected);
    EXPECT_EQ(text_of(client.get(server.url("/"))), "Hello, World!");
    EXPECT_EQ(client.stats().misses, 1u);
  });
}

TEST_F(HttpClient, takes_errors_and_heads_as_replies) {
  on_fiber([] {
    served server;
    http::client client;
    const auto missing = client.get(server.url("/nowhere"));
    ASSERT_TRUE(missing);
    EXPECT_EQ(missing->status(), http::status::not_found);
    auto head = client.send({.method = "HEAD", .url = server.url("/")});
    ASSERT_TRUE(head);
    EXPECT_EQ(head->header("Content-Length"), "13");
    EXPECT_EQ(head->header("nothing"), std::nullopt);
    EXPECT_EQ(text_of(std::move(head)), "");
    const auto cookies = client.get(server.url("/cookies"));
    ASSERT_TRUE(cookies);
    EXPECT_EQ(cookies->headers("Set-Cookie"), (std::vector<std::string_view>{"a=1", "b=2"}));
  });
}

// Of a reply that is not read to its end: its rest has come if it is short, and is dropped then.
TEST_F(HttpClient, gives_connections_back_when_replies_go) {
  on_fiber([] {
    served server;
    http::client client;
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(client.get(server.url("/")));
    EXPECT_EQ(client.stats().misses, 1u);
    {
      const auto held = client.get(server.url("/"));
      EXPECT_EQ(client.stats().in_use, 1u);
      EXPECT_EQ(text_of(client.get(server.url("/"))), "Hello, World!");
      EXPECT_EQ(client.stats().misses, 2u);
    }
    EXPECT_EQ(client.stats().in_use, 0u);
    EXPECT_EQ(client.stats().idle, 2u);
  });
}

TEST_F(HttpClient, lets_replies_outlive_it) {
  on_fiber([] {
    served server;
    std::optional<http::client> client{std::in_place};
    auto first = client->get(server.url("/"));
    ASSERT_TRUE(first);
    http::reply kept{std::move(*first)};
    client.reset();
    EXPECT_EQ(kept.header("Content-Length"), "13");
    EXPECT_EQ(kept.body().value_or("failed"), "Hello, World!");
  });
}

TEST_F(HttpClient, limits_what_body_takes) {
  on_fiber([] {
    served server;
    http::client client;
    for (const char* target : {"/", "/stream"}) {
      auto whole = client.get(server.url(target));
      ASSERT_TRUE(whole);
      const auto size = whole->body()->size();
      EXPECT_TRUE(client.get(server.url(target))->body(size)) << target;
      EXPECT_EQ(client.get(server.url(target))->body(size - 1).error(), errc::limit) << target;
    }
  });
}

TEST_F(HttpClient, serves_many_fibers_over_few_connections) {
  on_fiber([] {
    served server;
    http::client client{{.connections = {.name = "test", .endpoint_limit = 3}}};
    const auto all = with_nursery([&](nursery& n) {
      for (int fiber = 0; fiber < 20; ++fiber)
        n.spawn([&, fiber]() -> result<void> {
          for (int i = 0; i < 10; ++i) {
            const std::string text = std::to_string(fiber) + '/' + std::to_string(i);
            auto reply =
                WEFT_TRY(client.send({.method = "POST", .url = server.url("/echo"), .body = text}, 10s));
            EXPECT_EQ(WEFT_TRY(reply.body()), text);
          }
          return {};
        });
    });
    EXPECT_TRUE(all) << all.error().message();
    EXPECT_LE(client.stats().high_water, 3u);
  });
}

}  // namespace
}  // namespace weft::testing

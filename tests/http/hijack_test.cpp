// What becomes of a connection that its handler takes over, and what a handler can learn of who is there.
// real time: the clients are foreign threads.
#include "server_fixture.hpp"

#include <string>
#include <string_view>

#include <weft/net/tcp_stream.hpp>

namespace weft::testing {
namespace {

// Says each line back in capitals, until the client ends.
result<void> shout(net::tcp_stream& stream) {
  std::byte bytes[256];
  while (const std::size_t n = WEFT_TRY(stream.read(bytes))) {
    for (std::byte& b : std::span{bytes, n})
      if (b >= std::byte{'a'} && b <= std::byte{'z'}) b &= std::byte{0xdf};
    WEFT_TRY(stream.write_all({bytes, n}));
  }
  return {};
}

void routes_that_hijack(http::router& r) {
  r.any("/shout", [](http::request&, http::response& s) -> result<void> {
    s.status(http::status::switching_protocols).header("Upgrade", "shout/1");
    net::tcp_stream stream = WEFT_TRY(s.hijack());
    EXPECT_EQ(s.write(std::string_view{"x"}).error(), errc::closed);  // the response is over
    return shout(stream);
  });
  r.get("/watched", [](http::request&, http::response& s) -> result<void> {
    WEFT_TRY(this_fiber::sleep_for(std::chrono::milliseconds{20}));  // by now the peer is watched
    s.status(http::status::switching_protocols).header("Upgrade", "shout/1");
    net::tcp_stream stream = WEFT_TRY(s.hijack());
    return shout(stream);
  });
  r.get("/lie", [](http::request&, http::response& s) -> result<void> {  // 200 hijacks nothing
    EXPECT_EQ(s.hijack().error(), errc::protocol);
    s.text("still here");
    return {};
  });
  r.get("/who", [](http::request& q, http::response& s) -> result<void> {
    s.text(q.remote_address()->string());
    return {};
  });
  r.connect([](http::request& q, http::response& s) -> result<void> {
    if (q.authority() != "shout:1") return std::unexpected(http::status::forbidden);
    net::tcp_stream stream = WEFT_TRY(s.hijack());
    return shout(stream);
  });
}

const std::string upgrade = "Connection: Upgrade\r\nUpgrade: shout/1\r\n";

}  // namespace

class HttpHijack : public HttpServer {
 protected:
  void SetUp() override { start({.drain = std::chrono::milliseconds{100}}, routes_that_hijack); }
};

TEST_F(HttpHijack, hands_the_connection_over_after_101) {
  client c = connect();
  c.send(get("/") + get("/shout", upgrade));
  EXPECT_EQ(body_of(c.response()), "Hello, World!");
  const std::string head = c.response();
  EXPECT_EQ(status_of(head), "101");
  EXPECT_NE(head.find("\r\nUpgrade: shout/1\r\nConnection: upgrade\r\n\r\n"), head.npos) << head;
  EXPECT_EQ(head.find("Content-Length"), head.npos);
  c.send("hello");
  EXPECT_EQ(c.some(5), "HELLO");
  c.send(get("/"));  // no request any more
  EXPECT_EQ(c.some(4), "GET ");
  c.end();
  c.rest();
  EXPECT_TRUE(c.clean());
}

TEST_F(HttpHijack, hands_over_a_connection_that_was_watched) {
  client c = connect();
  c.send(get("/watched", upgrade));
  EXPECT_EQ(status_of(c.response()), "101");
  for (int i = 0; i < 3; ++i) {
    c.send("hello");
    EXPECT_EQ(c.some(5), "HELLO");
  }
  c.end();
  EXPECT_EQ(c.rest(), "");
  EXPECT_TRUE(serves());
}

TEST_F(HttpHijack, tunnels_connect) {
  client c = connect();
  c.send("CONNECT elsewhere:1 HTTP/1.1\r\nHost: elsewhere:1\r\n\r\n");
  EXPECT_EQ(status_of(c.response()), "403");
  c.send("CONNECT shout:1 HTTP/1.1\r\nHost: shout:1\r\n\r\n");
  const std::string head = c.response();
  EXPECT_EQ(status_of(head), "200");
  EXPECT_EQ(head.find("Content-Length"), head.npos);
  EXPECT_EQ(head.find("Transfer-Encoding"), head.npos);
  c.send("hello");
  EXPECT_EQ(c.some(5), "HELLO");
  c.end();
  EXPECT_EQ(c.rest(), "");
}

// Row 34 of the rules, and who does not wait for the answer.
TEST_F(HttpHijack, refuses_who_has_not_asked_or_does_not_wait) {
  const auto answered = [this](const std::string& bytes) {
    client c = connect();
    c.send(bytes);
    const std::string response = c.response();
    return status_of(response) + (says_close(response) ? " end" : "");
  };
  EXPECT_EQ(answered(get("/shout", upgrade) + "hello"), "400 end");
  EXPECT_EQ(answered("CONNECT shout:1 HTTP/1.1\r\nHost: shout:1\r\n\r\nhello"), "400 end");
  EXPECT_EQ(answered("POST /shout HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n" + upgrade + "\r\n"),
            "400 end");
  EXPECT_EQ(answered(get("/shout")), "500");  // not asked for: the handler should have looked
  EXPECT_EQ(answered("GET /shout HTTP/1.0\r\n" + upgrade + "\r\n"), "500 end");
  EXPECT_EQ(answered(get("/lie")), "200");
}

TEST_F(HttpHijack, ends_with_the_server) {
  client c = connect();
  c.send(get("/shout", upgrade));
  EXPECT_EQ(status_of(c.response()), "101");
  stop();
  EXPECT_EQ(c.rest(), "");
}

TEST_F(HttpHijack, tells_who_is_there) {
  client c = connect();
  c.send(get("/who"));
  EXPECT_TRUE(body_of(c.response()).starts_with("127.0.0.1:"));
}

}  // namespace weft::testing

// What a handler can ask its request.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "exchange_world.hpp"

using namespace weft::http;

namespace {

using std::string_view;
using weft::result;

// The body of what `f` answers to `bytes`.
template <handler F>
std::string told(F f, std::vector<std::string> pieces) {
  router r;
  r.any("/x", std::move(f));
  exchange_world w{std::move(r)};
  const std::string text = w.ask(std::move(pieces));
  EXPECT_TRUE(text.starts_with("HTTP/1.1 200 OK\r\n")) << text;
  return text.substr(text.find("\r\n\r\n") + 4);
}
template <handler F>
std::string told(F f, const std::string& bytes) {
  return told(std::move(f), std::vector{bytes});
}

}  // namespace

TEST(Request, gives_all_fields_of_a_name) {
  const auto joined = [](request& q, response& s) {
    std::string text;
    for (const string_view value : q.headers("x-a")) text += std::string{value} + ';';
    for (const auto& [name, value] : q.headers()) text += ' ' + std::string{name} + '=' + std::string{value};
    s.text(text + ' ' + std::string{q.authority()} + ' ' + std::string{q.protocol()});
  };
  EXPECT_EQ(told(joined, get("/x", "X-A: 1\r\nB: 2\r\nx-a:\r\nX-A: 3, 4\r\n")),
            "1;;3, 4; Host=a X-A=1 B=2 x-a= X-A=3, 4 a HTTP/1.1");
  EXPECT_EQ(told(joined, std::string{"GET http://b:80/x HTTP/1.0\r\n\r\n"}), " b:80 HTTP/1.0");
}

TEST(Request, gives_cookies) {
  const auto joined = [](request& q, response& s) {
    std::string text = std::string{q.cookie("b").value_or("none")} + ':';
    for (const auto& [name, value] : q.cookies()) text += ' ' + std::string{name} + '=' + std::string{value};
    s.text(text);
  };
  EXPECT_EQ(told(joined, get("/x", "Cookie: a=1; b=2\r\nCookie: c=\"3\";b=4; junk; =5\r\n")),
            "2: a=1 b=2 c=\"3\" b=4 =5");
  EXPECT_EQ(told(joined, get("/x")), "none:");
}

TEST(Request, gives_trailers_once_the_body_was_read) {
  const auto trailers = [](request& q, response& s) -> result<void> {
    const bool early = q.trailer("sum").has_value();
    static_cast<void>(WEFT_TRY(q.body()));
    s.text(std::string{early ? "early " : ""} + std::string{q.trailer("SUM").value_or("none")} + ' ' +
           std::string{q.trailer("x").value_or("none")} + ' ' +
           std::string{q.header("sum").value_or("none")});
    return {};
  };
  const std::string bytes = post_chunked("/x", "3\r\nabc\r\n0\r\nSum:  6 \r\nX:\r\nsum: 7\r\n\r\n");
  EXPECT_EQ(told(trailers, bytes), "6  none");
  EXPECT_EQ(told(trailers, single_bytes(bytes)), "6  none");
  EXPECT_EQ(told(trailers, post_chunked("/x", "0\r\n\r\n")), "none none none");
  EXPECT_EQ(told(trailers, single_bytes(post_chunked("/x", "0\r\n\r\n"))), "none none none");
  EXPECT_EQ(told(trailers, post("/x", "abc")), "none none none");
  // Not those of the request before.
  router r;
  r.post("/x", trailers);
  exchange_world w{std::move(r)};
  EXPECT_TRUE(w.ask(bytes + post_chunked("/x", "0\r\n\r\n")).ends_with("none none none"));
}

// Row 34 of the rules.
TEST(Request, is_asked_to_upgrade_only_where_that_means_something) {
  const auto asked = [](request& q, response& s) { s.text('[' + std::string{q.upgrade()} + ']'); };
  EXPECT_EQ(told(asked, get("/x", "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n")),
            "[websocket]");
  EXPECT_EQ(told(asked, get("/x", "Upgrade: a/1, b\r\nConnection: x\r\nConnection: upgrade\r\n")),
            "[a/1, b]");
  EXPECT_EQ(told(asked, get("/x", "Upgrade: websocket\r\n")), "[]");
  EXPECT_EQ(told(asked, get("/x", "Connection: upgrade\r\n")), "[]");
  EXPECT_EQ(told(asked, get("/x", "Upgrade: websocket\r\nConnection: upgraded\r\n")), "[]");
  EXPECT_EQ(told(asked, std::string{"GET /x HTTP/1.0\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"}),
            "[]");
}

TEST(Request, goes_on_with_a_body_after_a_deadline) {
  router r;
  r.post("/x", [](request& q, response& s) -> result<void> {
    EXPECT_EQ(q.body().error(), weft::errc::deadline_exceeded);
    s.text(WEFT_TRY(q.body()));
    return {};
  });
  exchange_world w{std::move(r)};
  for (const std::string& bytes :
       {post("/x", "0123456789"), post_chunked("/x", "a\r\n0123456789\r\n0\r\n\r\n")}) {
    const std::size_t half = bytes.size() - 8;
    scripted_transport peer{{bytes.substr(0, half), "", bytes.substr(half)}};
    peer.drive(w.e);
    EXPECT_TRUE(peer.received.ends_with("\r\n\r\n0123456789")) << peer.received;
  }
}

// The client through a proxy, and tunnels through one.
#include "client_fixture.hpp"

#include <string>

#include <weft/http/client/tunnel.hpp>

namespace weft::testing {
namespace {

TEST_F(HttpClient, asks_a_proxy_for_whole_urls) {
  on_fiber([] {
    std::string seen;
    scripted_server proxy{{[&](server_side& s) {
      for (const std::string& answer : {ok("one"), ok("two")}) {
        seen += s.request();
        s.send(answer);
      }
      s.sees_end();
    }}};
    http::client client{{.proxy = proxy.at(), .proxy_authorization = "Basic x", .user_agent = ""}};
    EXPECT_EQ(text_of(client.get("http://one.invalid/a?b", 5s)), "one");
    EXPECT_EQ(text_of(client.get("http://two.invalid:81", 5s)), "two");
    EXPECT_EQ(proxy.connections(), 1u);  // the same for all servers
    client.close();
    proxy.stop();
    EXPECT_EQ(
        seen,
        "GET http://one.invalid/a?b HTTP/1.1\r\nHost: one.invalid\r\nProxy-Authorization: Basic x\r\n\r\n"
        "GET http://two.invalid:81/ HTTP/1.1\r\nHost: two.invalid:81\r\nProxy-Authorization: Basic "
        "x\r\n\r\n");
  });
}

TEST_F(HttpClient, says_what_is_wrong_with_a_proxy) {
  on_fiber([] {
    http::client client{{.proxy = "no port"}};
    EXPECT_EQ(failure(client.get("http://a.invalid/", 5s)), std::errc::invalid_argument);
  });
}

// The bytes that come at once behind the head are the stream's; so are those that come with its last one.
TEST_F(HttpClient, tunnels_through_a_proxy) {
  on_fiber([] {
    for (const bool dripping : {false, true}) {
      std::string seen;
      scripted_server proxy{{[&](server_side& s) {
        seen = s.request();
        const std::string answer =
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Connection established\r\nContent-Length: 5\r\nX: " +
            std::string(2000, 'x') + "\r\n\r\n220 hello";
        if (!dripping) s.send(answer);
        for (std::size_t at = 0; dripping && at < answer.size(); at += 100) {
          s.send(std::string_view{answer}.substr(at, 100));
          this_fiber::yield();
        }
        s.answer_bytes("quit", "bye");
      }}};
      auto stream = http::connect_through(proxy.at(), "mail.invalid:25", "Basic x", 5s);
      ASSERT_TRUE(stream) << stream.error().message();
      std::array<std::byte, 9> first;
      ASSERT_TRUE(stream->read_exactly(first, 5s));
      EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(first.data()), first.size()), "220 hello");
      ASSERT_TRUE(stream->write_all("quit"sv, 5s));
      ASSERT_TRUE(stream->read_exactly(std::span{first}.first(3), 5s));
      proxy.stop();
      EXPECT_EQ(seen,
                "CONNECT mail.invalid:25 HTTP/1.1\r\nHost: mail.invalid:25\r\nProxy-Authorization: Basic "
                "x\r\n\r\n");
    }
  });
}

TEST_F(HttpClient, says_why_there_is_no_tunnel) {
  on_fiber([] {
    const auto tried = [](std::string answer, std::string_view to = "a.invalid:1") {
      scripted_server proxy{{[&](server_side& s) { s.answer(answer); }}};
      const auto got = failure(http::connect_through(proxy.at(), to, {}, 5s));
      return got;
    };
    EXPECT_EQ(tried("HTTP/1.1 407 No\r\n\r\n"), http::status::proxy_authentication_required);
    EXPECT_EQ(tried("HTTP/1.1 502 No\r\n\r\n"), http::status::bad_gateway);
    EXPECT_EQ(tried("HTTP/1.1 302 No\r\n\r\n"), http::status::found);
    EXPECT_EQ(tried(""), errc::end_of_stream);
    EXPECT_EQ(tried("HTTP/1.1 200 OK\r\n"), errc::end_of_stream);
    EXPECT_EQ(tried("SSH-2.0\r\n"), errc::protocol);
    EXPECT_EQ(tried("HTTP/1.1 101 Switching\r\n\r\n"), errc::protocol);
    EXPECT_EQ(tried("HTTP/1.1 200 OK\r\nA: " + std::string(20'000, 'x') + "\r\n\r\n"), errc::limit);
    for (const char* bad : {"", "a", "a:", "[::1]", "a:1\r\nX: y", "http://a:1", "u@a:1"})
      EXPECT_EQ(failure(http::connect_through("127.0.0.1:1", bad)), http::call_error::bad_url) << bad;
    EXPECT_EQ(failure(http::connect_through("127.0.0.1:1", "a:1", "x\r\ny")),
              http::call_error::bad_field_value);
    scripted_server silent{{[](server_side& s) {
      s.request();
      s.sees_end();
    }}};
    EXPECT_EQ(failure(http::connect_through(silent.at(), "a:1", {}, 20ms)), errc::deadline_exceeded);
  });
}

}  // namespace
}  // namespace weft::testing

// The client with a jar of cookies.
#include "client_fixture.hpp"

#include <string>

#include <weft/http/client/cookie_jar.hpp>

namespace weft::testing {
namespace {

// The Cookie lines of a request.
std::string cookies_of(std::string_view request) {
  std::string found;
  constexpr std::string_view name = "\r\nCookie: ";
  for (std::size_t at = 0; (at = request.find(name, at)) != request.npos;) {
    at += name.size();
    found.append(request.substr(at, request.find('\r', at) - at)).append("|");
  }
  return found;
}

// Answers in turn, and writes down the cookies that came.
scripted_server::script answering(std::vector<std::string> answers, std::string& seen) {
  return [answers = std::move(answers), &seen](server_side& s) {
    for (const std::string& answer : answers) {
      seen += cookies_of(s.request()) + '\n';
      s.send(answer);
    }
    s.sees_end();
  };
}

TEST_F(HttpClient, sends_back_the_cookies_of_its_jar) {
  on_fiber([] {
    std::string seen;
    const auto jar = std::make_shared<http::cookie_jar>();
    scripted_server server{{answering(
        {ok("", "Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; Path=/deep\r\n"), ok(""), ok(""), ok("")},
        seen)}};
    http::client client{{.cookies = jar}};
    for (const char* const target : {"/", "/deep/er", "/"}) {
      EXPECT_TRUE(client.get(server.url(target), 5s));
    }
    EXPECT_TRUE(client.send({.url = server.url(), .headers = {{"cookie", "own=3"}}}, 5s));
    client.close();
    server.stop();
    EXPECT_EQ(seen, "\nb=2; a=1|\na=1|\n\n");
    EXPECT_EQ(jar->size(), 2u);
  });
}

TEST_F(HttpClient, keeps_the_cookies_of_redirects) {
  on_fiber([] {
    std::string seen;
    scripted_server server{{answering({"HTTP/1.1 303 \r\nContent-Length: 0\r\nLocation: /in\r\n"
                                       "Set-Cookie: session=x; Path=/\r\n\r\n",
                                       ok("in")},
                                      seen)}};
    http::client client{{.redirects_max = 1, .cookies = std::make_shared<http::cookie_jar>()}};
    EXPECT_EQ(text_of(client.send({.method = "POST", .url = server.url("/login"), .body = "me"}, 5s)), "in");
    client.close();
    server.stop();
    EXPECT_EQ(seen, "\nsession=x|\n");
  });
}

TEST_F(HttpClient, keeps_no_cookies_without_a_jar) {
  on_fiber([] {
    std::string seen;
    scripted_server server{{answering({ok("", "Set-Cookie: a=1\r\n"), ok("")}, seen)}};
    http::client client;
    EXPECT_TRUE(client.get(server.url(), 5s));
    EXPECT_TRUE(client.get(server.url(), 5s));
    client.close();
    server.stop();
    EXPECT_EQ(seen, "\n\n");
  });
}

TEST_F(HttpClient, tells_why_a_jar_takes_nothing) {
  http::cookie_jar jar;
  EXPECT_EQ(failure(jar.set("ftp://h/", "a=1")), http::call_error::unsupported_scheme);
  EXPECT_EQ(failure(jar.field_for("h")), http::call_error::bad_url);
  EXPECT_TRUE(jar.set("http://h/", "a=1"));
  EXPECT_EQ(jar.field_for("http://h/x"), "a=1");
  jar.clear();
  EXPECT_EQ(jar.size(), 0u);
}

}  // namespace
}  // namespace weft::testing

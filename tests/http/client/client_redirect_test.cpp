// The client where servers send it elsewhere.
#include "client_fixture.hpp"

#include <string>

namespace weft::testing {
namespace {

std::string redirect(std::string_view status, std::string_view location) {
  return "HTTP/1.1 " + std::string{status} + " \r\nContent-Length: 4\r\nLocation: " + std::string{location} +
         "\r\n\r\ngone";
}

http::client_options following(unsigned redirects_max) { return {.redirects_max = redirects_max}; }

TEST_F(HttpClient, follows_no_redirect_unless_told_to) {
  on_fiber([] {
    scripted_server server{{always(redirect("302", "/there"))}};
    http::client client;
    auto got = client.get(server.url("/here"), 5s);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->status(), http::status::found);
    EXPECT_EQ(got->url(), server.url("/here"));
    EXPECT_EQ(text_of(std::move(got)), "gone");
    client.close();
  });
}

TEST_F(HttpClient, follows_redirects_over_one_connection) {
  on_fiber([] {
    std::string seen;
    scripted_server server{{[&](server_side& s) {
      for (const std::string& answer : {redirect("301", "two?x"), redirect("307", "/three"), ok("here")}) {
        const std::string request = s.request();
        seen += request.substr(0, request.find(' ', 5)) + '\n' +
                request.substr(request.find("\r\n\r\n") + 4) + '\n';
        s.send(answer);
      }
      s.sees_end();
    }}};
    http::client client{following(2)};
    auto got = client.send({.method = "PUT", .url = server.url("/a/one#f"), .body = "body"}, 5s);
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(got->url(), server.url("/three"));
    EXPECT_EQ(text_of(std::move(got)), "here");
    EXPECT_EQ(server.connections(), 1u);
    client.close();
    server.stop();
    EXPECT_EQ(seen, "PUT /a/one\nbody\nPUT /a/two?x\nbody\nPUT /three\nbody\n");
  });
}

TEST_F(HttpClient, tells_another_server_no_secret) {
  on_fiber([] {
    std::string seen;
    scripted_server there{{[&](server_side& s) {
      seen = s.request();
      s.send(ok("there"));
      s.sees_end();
    }}};
    scripted_server here{{always(redirect("308", there.url("/")))}};
    http::client client{following(1)};
    const http::call secret{.url = here.url(),
                            .headers = {{"Authorization", "Basic x"}, {"Cookie", "a=b"}, {"Accept", "*/*"}}};
    EXPECT_EQ(text_of(client.send(secret, 5s)), "there");
    client.close();
    there.stop();
    EXPECT_EQ(seen.find("Authorization"), seen.npos);
    EXPECT_EQ(seen.find("Cookie"), seen.npos);
    EXPECT_NE(seen.find("Host: " + there.at()), seen.npos);
    EXPECT_NE(seen.find("Accept: */*"), seen.npos);
  });
}

TEST_F(HttpClient, ends_in_no_circle) {
  on_fiber([] {
    scripted_server server{{always(redirect("302", "/"))}};
    http::client client{following(5)};
    EXPECT_EQ(failure(client.get(server.url(), 5s)), errc::limit);
    EXPECT_EQ(server.connections(), 1u);
    EXPECT_EQ(client.stats().hits, 5u);
    client.close();
  });
}

TEST_F(HttpClient, follows_only_what_it_can_ask) {
  on_fiber([] {
    scripted_server secure{{always(redirect("302", "https://example.com/"))}};
    scripted_server bad{{always(redirect("302", "/a b"))}};
    http::client client{following(5)};
    EXPECT_EQ(failure(client.get(secure.url(), 5s)), http::call_error::unsupported_scheme);
    EXPECT_EQ(failure(client.get(bad.url(), 5s)), http::call_error::bad_url);
    scripted_server without{{always("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")}};
    EXPECT_EQ(client.get(without.url(), 5s)->status(), http::status::found);
    client.close();
  });
}

// A body that was produced once cannot be sent again.
TEST_F(HttpClient, follows_with_no_body_that_is_gone) {
  on_fiber([] {
    scripted_server repeat{{always(redirect("307", "/x"))}};
    scripted_server change{{[](server_side& s) {
      s.answer(redirect("303", "/x"));
      EXPECT_TRUE(s.request().starts_with("GET /x "));
      s.send(ok("changed"));
      s.sees_end();
    }}};
    http::client client{following(3)};
    for (auto* const server : {&repeat, &change}) {
      bool given = false;
      const auto once = [&](std::span<std::byte> into) -> result<std::size_t> {
        if (std::exchange(given, true)) return std::size_t{0};
        into[0] = std::byte{'b'};
        return std::size_t{1};
      };
      auto got = client.send({.method = "POST", .url = server->url()}, once, 5s);
      ASSERT_TRUE(got) << got.error().message();
      EXPECT_EQ(text_of(std::move(got)), server == &repeat ? "gone" : "changed");
    }
    client.close();
  });
}

}  // namespace
}  // namespace weft::testing

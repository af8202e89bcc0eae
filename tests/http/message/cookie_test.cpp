#include <weft/http/message/cookie.hpp>

#include <gtest/gtest.h>

#include <string>

using namespace weft::http;

namespace {

// The field without its line end; "refused" if it must not be sent.
std::string field_of(const cookie& c) {
  detail::byte_buffer out;
  if (!detail::append_set_cookie(out, c)) {
    EXPECT_TRUE(out.empty());
    return "refused";
  }
  EXPECT_TRUE(out.text().ends_with("\r\n"));
  return std::string{out.text().substr(0, out.size() - 2)};
}

std::string with_value(std::string_view value) { return field_of({.name = "a", .value = value}); }
std::string with_name(std::string_view name) { return field_of({.name = name, .value = "b"}); }

}  // namespace

TEST(Cookie, says_all_attributes) {
  EXPECT_EQ(with_name("a"), "Set-Cookie: a=b; Path=/; HttpOnly; SameSite=Lax");
  EXPECT_EQ(field_of({.name = "id",
                      .value = "x=1&y",
                      .path = "/shop",
                      .domain = "example.org",
                      .max_age = std::chrono::hours{1},
                      .expires = std::chrono::sys_seconds{std::chrono::seconds{784111777}},
                      .secure = true,
                      .http_only = true,
                      .same_site = same_site::none,
                      .partitioned = true}),
            "Set-Cookie: id=x=1&y; Path=/shop; Domain=example.org; Max-Age=3600; "
            "Expires=Sun, 06 Nov 1994 08:49:37 GMT; Secure; HttpOnly; SameSite=None; Partitioned");
  EXPECT_EQ(field_of({.name = "a",
                      .value = "",
                      .path = "",
                      .max_age = std::chrono::seconds{-5},
                      .http_only = false,
                      .same_site = same_site::unset}),
            "Set-Cookie: a=; Max-Age=0");
  EXPECT_EQ(field_of({.name = "a", .value = "b", .same_site = same_site::strict}),
            "Set-Cookie: a=b; Path=/; HttpOnly; SameSite=Strict");
}

TEST(Cookie, refuses_what_would_end_it_early) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = "x" + std::string(1, static_cast<char>(byte)) + "y";
    const bool visible = byte > 0x20 && byte < 0x7f;
    const bool in_value =
        visible && std::string_view{"\",;\\"}.find(static_cast<char>(byte)) == std::string::npos;
    EXPECT_EQ(with_value(text) != "refused", in_value) << byte;
    const bool in_name =
        visible && std::string_view{"()<>@,;:\\\"/[]?={}"}.find(static_cast<char>(byte)) == std::string::npos;
    EXPECT_EQ(with_name(text) != "refused", in_name) << byte;
    const bool in_path = byte >= 0x20 && byte < 0x7f && byte != ';';
    EXPECT_EQ(field_of({.name = "a", .value = "b", .path = "/" + text}) != "refused", in_path) << byte;
  }
  EXPECT_EQ(with_name(""), "refused");
  EXPECT_EQ(field_of({.name = "a", .value = "b", .path = "shop"}), "refused");
  EXPECT_EQ(field_of({.name = "a", .value = "b", .domain = "a;b"}), "refused");
  EXPECT_EQ(field_of({.name = "a", .value = "b", .domain = "a b"}), "refused");
  const std::chrono::sys_seconds before{std::chrono::seconds{-1}},
      after{std::chrono::sys_days{std::chrono::year{10'000} / 1 / 1}};
  EXPECT_EQ(field_of({.name = "a", .value = "b", .expires = before}), "refused");
  EXPECT_EQ(field_of({.name = "a", .value = "b", .expires = after}), "refused");
}

TEST(Cookie, refuses_what_a_browser_would_drop) {
  EXPECT_EQ(with_name("__Host-a"), "refused");
  EXPECT_NE(field_of({.name = "__Host-a", .value = "b", .secure = true}), "refused");
  EXPECT_EQ(field_of({.name = "__host-a", .value = "b", .domain = "a.b", .secure = true}), "refused");
  EXPECT_EQ(field_of({.name = "__Host-a", .value = "b", .path = "/x", .secure = true}), "refused");
  EXPECT_EQ(with_name("__Secure-a"), "refused");
  EXPECT_NE(field_of({.name = "__Secure-a", .value = "b", .path = "/x", .secure = true}), "refused");
  EXPECT_EQ(field_of({.name = "a", .value = "b", .same_site = same_site::none}), "refused");
  EXPECT_EQ(field_of({.name = "a", .value = "b", .partitioned = true}), "refused");
}

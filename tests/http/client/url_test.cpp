#include <weft/http/client/url.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include <weft/http/client/call_error.hpp>

using weft::http::call_error;
using weft::http::detail::resolve_reference;
using weft::http::detail::url;

namespace {

std::string parts(std::string_view text) {
  const auto parsed = url::parse(text);
  if (!parsed) return parsed.error().message();
  return parsed->authority + " | " + parsed->endpoint + " | " + parsed->target;
}

TEST(Url, takes_the_parts_apart) {
  EXPECT_EQ(parts("http://example.com"), "example.com | example.com:80 | /");
  EXPECT_EQ(parts("HTTP://Example.COM/A?b=%20#c"), "example.com | example.com:80 | /A?b=%20");
  EXPECT_EQ(parts("http://a:80/x"), "a | a:80 | /x");
  EXPECT_EQ(parts("http://a:/x"), "a | a:80 | /x");
  EXPECT_EQ(parts("http://a:08080?q=/"), "a:8080 | a:8080 | /?q=/");
  EXPECT_EQ(parts("http://[::1]:81#f"), "[::1]:81 | [::1]:81 | /");
  EXPECT_EQ(parts("http://[::1]//x"), "[::1] | [::1]:80 | //x");
}

TEST(Url, refuses_what_is_none) {
  for (const char* bad : {"",
                          "a",
                          "/x",
                          "//a/x",
                          "http:",
                          "http:/a",
                          "http://",
                          "http:///x",
                          "http://u@a/",
                          "http://a b/",
                          "http://a:x/",
                          "http://a:65536/",
                          "http://[::1/",
                          "http://a/ b",
                          "http://a/\x80",
                          "http://a/\r\nX: y",
                          "http://a\r\n/",
                          "http://a\\b",
                          "http://a/b\\c",
                          "http://a,b/",
                          " http://a/",
                          "1.2.3.4:80",
                          "ht tp://a/",
                          "://a"})
    EXPECT_EQ(url::parse(bad).error(), call_error::bad_url) << bad;
  EXPECT_EQ(url::parse(std::string_view{"http://a/\0b", 11}).error(), call_error::bad_url);
  for (const char* other : {"https://a/", "ftp://a/", "file:///x", "mailto:a", "localhost:80"})
    EXPECT_EQ(url::parse(other).error(), call_error::unsupported_scheme) << other;
}

// The examples of RFC 3986, section 5.4, whose base is "http://a/b/c/d;p?q".
TEST(Url, resolves_references) {
  const url base = *url::parse("http://a/b/c/d;p?q");
  const std::pair<const char*, const char*> examples[] = {
      {"http://g", "http://g/"},
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q"},
      {"g#s", "http://a/b/c/g"},
      {"g?y#s", "http://a/b/c/g?y"},
      {";x", "http://a/b/c/;x"},
      {"g;x", "http://a/b/c/g;x"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"../../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {".g", "http://a/b/c/.g"},
      {"g..", "http://a/b/c/g.."},
      {"..g", "http://a/b/c/..g"},
      {"./../g", "http://a/b/g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/./h", "http://a/b/c/g/h"},
      {"g/../h", "http://a/b/c/h"},
      {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/./x", "http://a/b/c/g?y/./x"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
  };
  for (const auto& [reference, expected] : examples) {
    const auto resolved = resolve_reference(base, reference);
    ASSERT_TRUE(resolved) << reference;
    EXPECT_EQ(resolved->text(), expected) << reference;
  }
  EXPECT_EQ(resolve_reference(base, "https://g/").error(), call_error::unsupported_scheme);
  for (const char* bad : {"g h", "\xff", "//", "///x", "http://u@g/"})
    EXPECT_EQ(resolve_reference(base, bad).error(), call_error::bad_url) << bad;
}

}  // namespace

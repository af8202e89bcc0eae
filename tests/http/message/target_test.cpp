#include <weft/http/message/target.hpp>

#include <gtest/gtest.h>

#include <string>

using namespace weft::http::detail;

TEST(Authority, is_a_host_and_perhaps_a_port) {
  for (const char* valid : {"a", "example.org", "example.org:80", "example.org:", "127.0.0.1:8080", "[::1]",
                            "[::1]:80", "a:65535", "xn--bcher-kva.example", "a%20b", "[::ffff:1.2.3.4]"})
    EXPECT_TRUE(is_authority(valid)) << valid;
  for (const char* invalid :
       {"",      ":80", "a:65536", "a:8x",    "a b", "a,b", "a, b", "user@a",   "a/b",          "a?b", "[::1",
        "[::g]", "::1", "a:1:2",   "[::1]80", "[]",  "a%2", "a%zz", "\xc3\xa4", "[::1%25eth0]", "a\tb"})
    EXPECT_FALSE(is_authority(invalid)) << invalid;
}

TEST(Authority, is_the_same_with_the_default_port_left_out) {
  EXPECT_TRUE(same_authority("Example.org", "example.ORG:80", "http"));
  EXPECT_TRUE(same_authority("a:443", "a", "https"));
  EXPECT_TRUE(same_authority("[::1]", "[::1]:80", "http"));
  EXPECT_FALSE(same_authority("a:443", "a", "http"));
  EXPECT_FALSE(same_authority("a", "b", "http"));
}

TEST(PercentDecoding, is_strict) {
  const auto decoded = [](std::string_view text) -> std::string {
    std::string out(text.size(), '\0');
    const std::size_t n = decode_percent(text, out.data());
    return n == undecodable ? "undecodable" : out.substr(0, n);
  };
  EXPECT_EQ(decoded("/a%20b%2Fc%7e"), "/a b/c~");
  EXPECT_EQ(decoded("%41"), "A");
  EXPECT_EQ(decoded(""), "");
  for (const char* bad : {"%", "%4", "a%", "%zz", "%4z", "%00", "%-1", "% 1"})
    EXPECT_EQ(decoded(bad), "undecodable") << bad;
}

#include <weft/http/message/proxy_header.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "binary_proxy_header.hpp"
#include "guard_page.hpp"
#include "split_parse.hpp"

namespace weft::testing {
namespace {

using http::detail::parse_outcome;
using http::detail::parse_proxy_header;
using http::detail::proxy_header;

std::string text_of(const std::optional<net::address>& address) {
  return address ? address->string() : "none";
}

// "incomplete", "failed", or the addresses and how many bytes it took.
std::string read_once(std::string_view bytes) {
  static guarded_text memory{1 << 17};
  proxy_header header;
  switch (parse_proxy_header(memory.put(bytes), header)) {
    case parse_outcome::incomplete: return "incomplete";
    case parse_outcome::failed: return "failed";
    case parse_outcome::complete: break;
  }
  return text_of(header.source) + " to " + text_of(header.destination) + ", " + std::to_string(header.length);
}

// As above, of all its bytes; as they come one by one, the verdict must be the same, and not change any more.
std::string read(std::string_view bytes) {
  const std::string whole = read_once(bytes);
  std::string now = "incomplete";
  for (std::size_t n = 0; n <= bytes.size() && n <= proxy_header::binary_max + 1; ++n) {
    const std::string next = read_once(bytes.substr(0, n));
    if (now != "incomplete") EXPECT_EQ(next, now) << n << " bytes of " << bytes;
    now = next;
  }
  EXPECT_EQ(now, whole) << bytes;
  return whole;
}

std::string line(std::string_view rest) { return "PROXY " + std::string{rest} + "\r\n"; }

TEST(ProxyLine, says_who_connected_to_whom) {
  EXPECT_EQ(read(line("TCP4 192.0.2.7 198.51.100.8 1234 443")), "192.0.2.7:1234 to 198.51.100.8:443, 44");
  EXPECT_EQ(read(line("TCP4 0.0.0.0 255.255.255.255 0 65535")), "0.0.0.0:0 to 255.255.255.255:65535, 44");
  EXPECT_EQ(read(line("TCP6 2001:db8::7 ::1 1234 443")), "[2001:db8::7]:1234 to [::1]:443, 37");
  EXPECT_EQ(read(line("TCP6 2001:0DB8:0:0:0:0:0:7 :: 1 2")), "[2001:db8::7]:1 to [::]:2, 41");
  EXPECT_EQ(read(line("TCP6 ::ffff:192.0.2.7 ::ffff:1 1 2")), "[::ffff:192.0.2.7]:1 to [::ffff:1]:2, 42");
}

TEST(ProxyLine, ends_where_the_connection_begins) {
  const std::string header = line("TCP4 192.0.2.7 198.51.100.8 1 2");
  const std::string size = std::to_string(header.size());
  for (const char* more : {"GET / HTTP/1.1\r\n", "\r\n", "PROXY UNKNOWN\r\n", "\n"})
    EXPECT_EQ(read(header + more), "192.0.2.7:1 to 198.51.100.8:2, " + size) << more;
}

TEST(ProxyLine, of_an_unknown_connection_has_no_addresses) {
  EXPECT_EQ(read("PROXY UNKNOWN\r\n"), "none to none, 15");
  for (const char* ignored : {" ", " ffff::1 ffff::2 1 2", " \x01  \xff%[]", "  "}) {
    const std::string header = line("UNKNOWN" + std::string{ignored});
    EXPECT_EQ(read(header), "none to none, " + std::to_string(header.size()));
  }
}

TEST(ProxyLine, is_at_most_107_bytes_long) {
  const std::string longest = line(
      "TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535");
  EXPECT_EQ(longest.size(), 104u);
  EXPECT_TRUE(read(longest).ends_with(", 104"));
  EXPECT_EQ(read(line("UNKNOWN " + std::string(91, 'x'))), "none to none, 107");
  EXPECT_EQ(read(line("UNKNOWN " + std::string(92, 'x'))), "failed");
  EXPECT_EQ(read_once("PROXY UNKNOWN " + std::string(91, 'x')), "incomplete");
  EXPECT_EQ(read_once("PROXY UNKNOWN " + std::string(92, 'x')), "failed");
  EXPECT_EQ(read_once("PROXY UNKNOWN " + std::string(91, 'x') + "\r"), "incomplete");
}

TEST(ProxyLine, ends_with_carriage_return_and_line_feed) {
  const std::string all = "TCP4 1.2.3.4 5.6.7.8 1 2";
  for (const char* end : {"\n", "\r", "\n\r", "\r\r\n", " \r\n", "\r \n"}) {
    const std::string bytes = "PROXY " + all + end;
    EXPECT_EQ(read(bytes), end == std::string_view{"\r"} ? "incomplete" : "failed") << bytes;
  }
}

TEST(ProxyLine, is_strict_about_everything_else) {
  for (const char* bad : {
           "",                                 // no family
           "TCP4",                             // no addresses
           "TCP4  5.6.7.8 1 2",                // an empty address
           "TCP4 1.2.3.4  1 2",                //
           "TCP6  ::1 1 2",                    //
           "TCP4 1.2.3.4 5.6.7.8 1",           // no port
           "TCP4 1.2.3.4 5.6.7.8 1 ",          // an empty one
           "TCP4 1.2.3.4 5.6.7.8 1 2 ",        // spaces where none belong
           "TCP4 1.2.3.4 5.6.7.8 1 2 3",       //
           "TCP4  1.2.3.4 5.6.7.8 1 2",        //
           "TCP4 1.2.3.4  5.6.7.8 1 2",        //
           "TCP4 1.2.3.4 5.6.7.8  1 2",        //
           "TCP4 1.2.3.4 5.6.7.8 1  2",        //
           " TCP4 1.2.3.4 5.6.7.8 1 2",        //
           "TCP4\t1.2.3.4 5.6.7.8 1 2",        //
           "TCP4 1.2.3.4\t5.6.7.8 1 2",        //
           "TCP4 01.2.3.4 5.6.7.8 1 2",        // leading zeros
           "TCP4 1.2.3.04 5.6.7.8 1 2",        //
           "TCP4 1.2.3.4 5.6.7.8 01 2",        //
           "TCP4 1.2.3.4 5.6.7.8 1 00",        //
           "TCP4 1.2.3.4 5.6.7.8 65536 2",     // what is no such number
           "TCP4 1.2.3.4 5.6.7.8 1 123456",    //
           "TCP4 1.2.3.4 5.6.7.8 +1 2",        //
           "TCP4 1.2.3.4 5.6.7.8 -1 2",        //
           "TCP4 1.2.3.4 5.6.7.8 0x1 2",       //
           "TCP4 1.2.3.4 5.6.7.8 1a 2",        //
           "TCP4 1.2.3.256 5.6.7.8 1 2",       // what is no such address
           "TCP4 1.2.3 5.6.7.8 1 2",           //
           "TCP4 1.2.3.4.5 5.6.7.8 1 2",       //
           "TCP4 1.2.3.4 5.6.7.8. 1 2",        //
           "TCP4 1..3.4 5.6.7.8 1 2",          //
           "TCP4 0x1.2.3.4 5.6.7.8 1 2",       //
           "TCP4 localhost 5.6.7.8 1 2",       //
           "TCP4 ::1 ::1 1 2",                 // of the other family
           "TCP4 ::ffff:1.2.3.4 5.6.7.8 1 2",  //
           "TCP4 [::1] [::1] 1 2",             //
           "TCP4 1.2.3.4 [::1] 1 2",           //
           "TCP6 1.2.3.4 5.6.7.8 1 2",         //
           "TCP6 ::1 5.6.7.8 1 2",             //
           "TCP6 [::1] [::1] 1 2",             //
           "TCP6 ::1%1 ::1 1 2",               //
           "TCP6 ::1] ::1 1 2",                //
           "TCP6 1::2::3 ::1 1 2",             //
           "TCP6 1:2:3:4:5:6:7 ::1 1 2",       //
           "TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2",   //
           "TCP6 12345:: ::1 1 2",             //
           "TCP6 g:: ::1 1 2",                 //
           "TCP6 : ::1 1 2",                   //
           "tcp4 1.2.3.4 5.6.7.8 1 2",         // words that are none
           "TCP 1.2.3.4 5.6.7.8 1 2",          //
           "TCP5 1.2.3.4 5.6.7.8 1 2",         //
           "UDP4 1.2.3.4 5.6.7.8 1 2",         //
           "UNKNOWNS",                         //
           "unknown",                          //
           "UNIX /a /b",                       //
       })
    EXPECT_EQ(read(line(bad)), "failed") << bad;
  EXPECT_EQ(read(line({"TCP4 1.2.3.4\0 5.6.7.8 1 2", 26})), "failed");
  EXPECT_EQ(read(line("TCP4 1.2.3.4 5.6.7.8 " + std::string(70, '1') + " 2")), "failed");
  EXPECT_EQ(read(line("TCP6 " + std::string(70, '1') + " ::1 1 2")), "failed");
  EXPECT_EQ(read(line({"TCP4 1.2.3.4 5.6.7.8 1 2\0", 25})), "failed");
}

TEST(ProxyHeader, is_told_apart_by_its_first_bytes) {
  EXPECT_EQ(read(""), "incomplete");
  for (const char* bad : {"GET / HTTP/1.1\r\n", "POST", "PROXY\r\n", "PROXY\t", "proxy ", "PRI * HTTP/2.0",
                          " PROXY ", "\n", "\r\n\r\nG", "\r\r", "\x16\x03\x01"})
    EXPECT_EQ(read(bad), "failed") << bad;
  const std::string good = binary_proxy_header(0x20, 0, "");
  for (std::size_t i = 0; i < 12; ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ 1 << bit);
      EXPECT_EQ(read(bad), "failed") << i;
    }
}

std::string extension(int type, std::string_view value) {
  return std::string(1, static_cast<char>(type)) + two_bytes(value.size()) + std::string{value};
}
std::string ipv6_block() {
  const std::string prefix = "\x20\x01\x0d\xb8";
  return prefix + std::string(11, '\0') + '\7' + prefix + std::string(11, '\0') + '\x08' + two_bytes(1234) +
         two_bytes(443);
}

TEST(ProxyBlock, says_who_connected_to_whom) {
  for (const int transport : {1, 2}) {
    EXPECT_EQ(read(binary_proxy_header(0x21, 0x10 + transport, ipv4_block())),
              "192.0.2.7:1234 to 198.51.100.8:443, 28");
    EXPECT_EQ(read(binary_proxy_header(0x21, 0x20 + transport, ipv6_block())),
              "[2001:db8::7]:1234 to [2001:db8::8]:443, 52");
    EXPECT_EQ(read(binary_proxy_header(0x21, 0x30 + transport, std::string(216, 'u'))), "none to none, 232");
  }
  EXPECT_EQ(read(binary_proxy_header(0x21, 0x11, ipv4_block()) + "GET / HTTP/1.1\r\n\r\n"),
            "192.0.2.7:1234 to 198.51.100.8:443, 28");
}

TEST(ProxyBlock, has_no_addresses_where_they_are_unspecified) {
  for (const int kind : {0x00, 0x01, 0x02, 0x10, 0x20, 0x30})
    for (const std::size_t size : {0u, 1u, 12u, 300u})
      EXPECT_EQ(read(binary_proxy_header(0x21, kind, std::string(size, 'x'))),
                "none to none, " + std::to_string(16 + size));
}

TEST(ProxyBlock, of_a_proxys_own_connection_is_skipped_whatever_it_says) {
  for (const int kind : {0x00, 0x11, 0x21, 0x31, 0x44, 0xff})
    for (const std::size_t size : {0u, 5u, 12u, 36u})
      EXPECT_EQ(read(binary_proxy_header(0x20, kind, std::string(size, 'x'))),
                "none to none, " + std::to_string(16 + size));
}

TEST(ProxyBlock, has_a_version_a_command_a_family_and_a_transport_that_are_known) {
  for (int command = 0; command < 256; ++command) {
    const std::string verdict = read(binary_proxy_header(command, 0x11, ipv4_block()));
    EXPECT_EQ(verdict == "failed", command != 0x20 && command != 0x21) << command;
  }
  for (int kind = 0; kind < 256; ++kind) {
    const std::string verdict = read(binary_proxy_header(0x21, kind, std::string(216, '\0')));
    EXPECT_EQ(verdict == "failed", kind >> 4 > 3 || (kind & 15) > 2) << kind;
  }
}

TEST(ProxyBlock, is_long_enough_for_its_addresses) {
  for (const auto& [kind, least] :
       {std::pair{0x11, 12}, {0x12, 12}, {0x21, 36}, {0x22, 36}, {0x31, 216}, {0x32, 216}})
    for (int size = 0; size < least; ++size) {
      const std::string bytes =
          binary_proxy_header(0x21, kind, std::string(static_cast<std::size_t>(size), '\0'));
      EXPECT_EQ(read(bytes), "failed") << kind << ' ' << size;
      EXPECT_EQ(read_once(bytes.substr(0, 16)), "failed") << "it is known as soon as the length is";
    }
}

TEST(ProxyBlock, is_at_most_4096_bytes_long) {
  const std::size_t room = proxy_header::binary_max - 16;
  const std::string full = ipv4_block() + extension(0xe0, std::string(room - 12 - 3, 'c'));
  EXPECT_EQ(read(binary_proxy_header(0x21, 0x11, full)), "192.0.2.7:1234 to 198.51.100.8:443, 4096");
  EXPECT_EQ(read(binary_proxy_header(0x20, 0, std::string(room, 'x'))), "none to none, 4096");
  for (const std::size_t size : {room + 1, std::size_t{65535}}) {
    const std::string bytes = binary_proxy_header(0x20, 0, std::string(size, 'x'));
    EXPECT_EQ(read_once(bytes), "failed");
    EXPECT_EQ(read_once(bytes.substr(0, 16)), "failed");
    EXPECT_EQ(read_once(bytes.substr(0, 15)), "incomplete");
  }
}

TEST(ProxyBlock, has_extensions_that_fill_it) {
  const auto with = [](const std::string& extensions) {
    return read(binary_proxy_header(0x21, 0x11, ipv4_block() + extensions));
  };
  EXPECT_EQ(with(extension(0x01, "h2") + extension(0x02, "example.org") + extension(0x04, "")),
            "192.0.2.7:1234 to 198.51.100.8:443, 50");
  for (const char* bad : {"\x04", "\x04\x01", "\x04\x01\x01"}) EXPECT_EQ(with(bad), "failed");
  EXPECT_EQ(with({"\x04\x00\x01", 3}), "failed");
  EXPECT_EQ(with(extension(0x01, "h2") + '\x04'), "failed");
  EXPECT_EQ(with(extension(0x01, "h2").substr(0, 4)), "failed");
}

// The sum comes from an implementation of another kind, a table's, which RFC 3720 B.4 was checked with.
TEST(ProxyBlock, has_the_checksum_that_it_says) {
  const auto with = [](const std::string& extensions) {
    return binary_proxy_header(0x21, 0x11, ipv4_block() + extensions);
  };
  const std::string header = with(extension(0x01, "h2") + extension(0x03, "\x6c\x1d\xf4\x6c"));
  EXPECT_EQ(read(header), "192.0.2.7:1234 to 198.51.100.8:443, 40");
  for (std::size_t i = 16; i < header.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = header;
      bad[i] = static_cast<char>(bad[i] ^ 1 << bit);
      const bool is_type = i == 33;  // then the sum is none
      if (!is_type) EXPECT_EQ(read_once(bad), "failed") << i << ' ' << bit;
    }
  EXPECT_EQ(read(with(extension(0x03, "123"))), "failed");
  EXPECT_EQ(read(with(extension(0x03, ""))), "failed");
}

// Each sum is right beside the other one, yet to check many would cost the square of the length.
TEST(ProxyBlock, has_one_checksum_at_most) {
  const std::string two = extension(0x03, "\xa7\x8a\x02\x80") + extension(0x03, "\x65\x04\x6d\x26");
  EXPECT_EQ(read(binary_proxy_header(0x21, 0x11, ipv4_block() + two)), "failed");
}

// What is right stays right, in whatever pieces it comes; what is spoilt gets one verdict at least.
TEST(ProxyHeader, does_not_depend_on_how_it_is_split) {
  std::mt19937 random{11};
  const std::vector<std::string> good = {
      line("TCP4 192.0.2.7 198.51.100.8 1234 443"),
      line("TCP6 2001:db8::7 ::1 1234 443"),
      line("UNKNOWN x"),
      binary_proxy_header(0x21, 0x11, ipv4_block()),
      binary_proxy_header(0x21, 0x21, ipv6_block() + extension(0x02, "example.org")),
      binary_proxy_header(0x20, 0, "")};
  for (const std::string& header : good)
    for (int round = 0; round < 500; ++round) read(spoilt(header, random) + "GET / HTTP/1.1\r\n");
}

}  // namespace
}  // namespace weft::testing

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <net/if.h>

#include <cstring>
#include <random>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include <weft/net/address.hpp>

using weft::net::address;
using weft::net::address_error;

namespace {

std::string again(std::string_view text) {
  const auto parsed = address::parse(text);
  return parsed ? parsed->string() : parsed.error().message();
}

std::error_code error_of(std::string_view text) {
  const auto parsed = address::parse(text);
  return parsed ? std::error_code{} : parsed.error();
}

}  // namespace

TEST(Address, keeps_canonical_text) {
  for (const char* text : {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::]:80", "[::1]:1",
                           "[2001:db8::1]:443", "[fe80::1%2]:80", "[1:2:3:4:5:6:7:8]:9",
                           "[::ffff:1.2.3.4]:80", "[1::]:80", "[1:0:0:2::]:80", "[::2:0:0:3]:80"})
    EXPECT_EQ(again(text), text);
}

TEST(Address, writes_ipv6_as_rfc_5952_says) {
  EXPECT_EQ(again("[2001:0DB8:0:0:0:0:0:0001]:80"), "[2001:db8::1]:80");
  EXPECT_EQ(again("[2001:db8:0:1:1:1:1:1]:80"),
            "[2001:db8:0:1:1:1:1:1]:80");                                   // one zero group is not shortened
  EXPECT_EQ(again("[2001:0:0:1:0:0:0:1]:80"), "[2001:0:0:1::1]:80");        // the longest run
  EXPECT_EQ(again("[2001:db8:0:0:1:0:0:1]:80"), "[2001:db8::1:0:0:1]:80");  // the first of equals
}

TEST(Address, no_host_is_every_address) { EXPECT_EQ(again(":8080"), "[::]:8080"); }

TEST(Address, says_what_is_wrong) {
  EXPECT_EQ(error_of("127.0.0.1"), address_error::no_port);
  EXPECT_EQ(error_of("127.0.0.1:"), address_error::no_port);
  EXPECT_EQ(error_of("[::1]"), address_error::no_port);
  EXPECT_EQ(error_of(""), address_error::no_port);
  for (const char* port : {"65536", "99999999999", "+1", "-1", " 1", "1 ", "01", "00", "0x1", "http", "1.0"})
    EXPECT_EQ(error_of("127.0.0.1:" + std::string{port}), address_error::bad_port) << port;
  for (const char* host :
       {"127.0.0", "127.0.0.1.1", "256.0.0.1", "127.0.0.01", "localhost", "1", " 127.0.0.1", "[1::2::3]",
        "[::1]x", "[]", "[127.0.0.1]", "[::12345]", "[1:2:3:4:5:6:7:8:9]", "[::1 ]"})
    EXPECT_EQ(error_of(std::string{host} + ":80"), address_error::bad_host) << host;
  EXPECT_EQ(error_of("::1:80"), address_error::missing_brackets);
  EXPECT_EQ(error_of("[::1:80"), address_error::unclosed_bracket);
  EXPECT_EQ(error_of("[fe80::1%no-such-if]:80"), address_error::unknown_zone);
  EXPECT_EQ(error_of("[fe80::1%]:80"), address_error::unknown_zone);
  EXPECT_EQ(error_of(std::string_view{"127.0.0.1\0:80", 13}), address_error::bad_host);
  EXPECT_EQ(error_of("x"), std::errc::invalid_argument);
  EXPECT_FALSE(error_of("x").message().empty());
}

TEST(Address, a_zone_may_be_a_name) {
  const unsigned loopback = ::if_nametoindex("lo");
  ASSERT_NE(loopback, 0u);
  const auto parsed = address::parse("[fe80::1%lo]:80");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->zone(), loopback);
  EXPECT_EQ(address::parse(parsed->string()), *parsed);
}

// Every address survives the way to text and back, and to sockaddr and back; our IPv6 text is also what the C
// library reads.
TEST(Address, random_addresses_round_trip) {
  std::mt19937_64 random{7};
  for (int i = 0; i < 20'000; ++i) {
    address made;
    if (random() % 2) {
      sockaddr_in v4{};
      v4.sin_family = AF_INET;
      v4.sin_addr.s_addr = static_cast<in_addr_t>(random());
      v4.sin_port = static_cast<in_port_t>(random());
      made = *address::from(reinterpret_cast<sockaddr*>(&v4), sizeof v4);
    } else {
      sockaddr_in6 v6{};
      v6.sin6_family = AF_INET6;
      const auto zeros = random();  // many zero groups, which is where the text form has its cases
      for (unsigned g = 0; g < 8; ++g)
        if (zeros >> g & 1)
          v6.sin6_addr.s6_addr16[g] = static_cast<std::uint16_t>(random() >> (random() % 16));
      if (random() % 8 == 0) v6.sin6_scope_id = static_cast<std::uint32_t>(random());
      v6.sin6_port = static_cast<in_port_t>(random());
      made = *address::from(reinterpret_cast<sockaddr*>(&v6), sizeof v6);

      const std::string text = made.string();
      in6_addr theirs;
      ASSERT_EQ(::inet_pton(AF_INET6, text.substr(1, text.find_first_of("%]") - 1).c_str(), &theirs), 1)
          << text;
      ASSERT_EQ(std::memcmp(&theirs, &v6.sin6_addr, sizeof theirs), 0) << text;
    }
    const auto read = address::parse(made.string());
    ASSERT_TRUE(read) << made.string();
    ASSERT_EQ(*read, made) << made.string();
    ASSERT_EQ(read->hash(), made.hash());
    ASSERT_EQ(*address::from(made.data(), made.size()), made);
  }
}

// The parser reads no byte beyond the text, and never crashes: the text ends where its allocation ends, every
// prefix of it too.
TEST(Address, every_prefix_and_mutation_is_read_within_bounds) {
  std::mt19937_64 random{11};
  const std::string_view alphabet = "0123456789abcdef:.[]%x ";
  for (const std::string_view text :
       {"255.255.255.255:65535", "[1111:2222:3333:4444:5555:6666:7777:8888%4294967295]:65535",
        "[::ffff:255.255.255.255]:1"})
    for (std::size_t length = 0; length <= text.size(); ++length)
      for (int round = 0; round < 50; ++round) {
        std::vector<char> exact(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length));
        if (round > 0 && length > 0) exact[random() % length] = alphabet[random() % alphabet.size()];
        const auto parsed = address::parse({exact.data(), exact.size()});
        if (parsed) {
          ASSERT_EQ(*address::parse(parsed->string()), *parsed);
        }
      }
}

TEST(Address, longest_text_fits) {
  const auto longest = address::parse("[1111:2222:3333:4444:5555:6666:7777:8888%4294967295]:65535");
  ASSERT_TRUE(longest);
  EXPECT_LE(longest->string().size(), address::text_max);
}

TEST(Address, orders_and_hashes_by_value) {
  const std::vector<std::string> ascending{"1.2.3.4:1", "1.2.3.4:2", "1.2.3.5:1",     "[::]:1",
                                           "[::1]:1",   "[::1]:2",   "[fe80::1%1]:1", "[fe80::1%2]:1"};
  std::set<address> ordered;
  std::unordered_set<address> hashed;
  for (const auto& text : ascending) {
    ordered.insert(*address::parse(text));
    hashed.insert(*address::parse(text));
    hashed.insert(*address::parse(text));
  }
  EXPECT_EQ(hashed.size(), ascending.size());
  std::vector<std::string> got;
  for (const auto& one : ordered) got.push_back(one.string());
  EXPECT_EQ(got, ascending);
}

TEST(Address, knows_any_and_loopback) {
  EXPECT_TRUE(address::any_v4(1).is_any());
  EXPECT_TRUE(address::any_v6(1).is_any());
  EXPECT_TRUE(address::loopback_v4(1).is_loopback());
  EXPECT_TRUE(address::loopback_v6(1).is_loopback());
  EXPECT_TRUE(address::parse("127.255.0.1:1")->is_loopback());
  EXPECT_TRUE(address::parse("[::ffff:127.0.0.1]:1")->is_loopback());
  EXPECT_FALSE(address::parse("128.0.0.1:1")->is_loopback());
  EXPECT_FALSE(address::loopback_v4(1).is_any());
  EXPECT_EQ(address::loopback_v4(1).with_port(77).port(), 77);
  EXPECT_EQ(address::parse("[::ffff:1.2.3.4]:80")->unmapped().string(), "1.2.3.4:80");
  EXPECT_EQ(address{}.string(), "0.0.0.0:0");
}

TEST(Address, refuses_other_families_and_short_ones) {
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  EXPECT_EQ(address::from(reinterpret_cast<sockaddr*>(&v6), sizeof(sockaddr_in6) - 1).error(),
            address_error::not_ip);
  v6.sin6_family = AF_UNIX;
  EXPECT_EQ(address::from(reinterpret_cast<sockaddr*>(&v6), sizeof v6).error(), address_error::not_ip);
}

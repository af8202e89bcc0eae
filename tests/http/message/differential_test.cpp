// Requests of the kinds in corpora_test.cpp, whole and with each byte changed, as weft and as http_parser
// read them.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "message/second_opinion.hpp"
#include "message/spelled_request.hpp"

using namespace std::string_view_literals;

namespace {

bool is_accepted(std::string_view bytes) {
  weft::http::detail::request_parser parser;
  weft::http::detail::request_head head;
  return parser.parse(bytes, head) == weft::http::detail::parse_outcome::complete;
}

const std::vector<std::string> requests{
    "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "\r\n\r\nGET /a/b?c=d&e=%20 HTTP/1.1\r\nhost: h:80\r\nAccept: */*\r\n\r\n",
    "GET http://h/p?q HTTP/1.1\r\nHost: h\r\nCookie: a=b; c=\"d\"\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\nX:\r\nY: \t z \t\r\n\r\n",
    "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n",
    "M-SEARCH /s HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\nUser-Agent: ApacheBench/2.3\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade, close\r\nUpgrade: x\r\nX-Raw: \x80\xff\r\n\r\n",
    "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 005\r\nConnection: Keep-Alive , TE\r\n\r\nworld",
    "POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n",
    "PUT /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    "PUT /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:Chunked\r\n\r\n"
    "0000A;a=b;c=\"d;e\";f\r\n0123456789\r\n00\r\nX: y\r\nZ:\r\n\r\n",
};

}  // namespace

TEST(Differential, both_read_requests_alike) {
  for (const std::string& bytes : requests) {
    EXPECT_TRUE(is_accepted(bytes)) << bytes;
    EXPECT_EQ(disagreement(bytes), "") << bytes;
  }
}

TEST(Differential, both_read_changed_requests_alike) {
  constexpr std::string_view changes = "\0\t\n\r !\"%,:;=?@AZ_az09\x7f\x80\xff"sv;
  unsigned accepted = 0;
  for (const std::string& request : requests) {
    for (std::size_t at = 0; at < request.size(); ++at) {
      std::string bytes = request;
      for (const char c : changes) {
        bytes[at] = c;
        accepted += is_accepted(bytes) ? 1 : 0;
        EXPECT_EQ(disagreement(bytes), "") << bytes;
        const std::string longer = std::string{request}.insert(at, 1, c);
        accepted += is_accepted(longer) ? 1 : 0;
        EXPECT_EQ(disagreement(longer), "") << longer;
      }
      EXPECT_EQ(disagreement(std::string{request}.erase(at, 1)), "") << request << " without byte " << at;
    }
  }
  EXPECT_GT(accepted, 1000U);
}

TEST(Differential, both_read_random_requests_alike) {
  std::mt19937 random{9};
  unsigned accepted = 0;
  for (unsigned round = 0; round < 20'000; ++round) {
    std::string choice{"\x0e"};  // the first lines of a sound request
    for (auto left = random() % 10; left != 0; --left) choice += static_cast<char>(random() % 140);
    choice += "\x2e";  // and the end of its head
    const std::string bytes = spelled_request(choice);
    accepted += is_accepted(bytes) ? 1 : 0;
    EXPECT_EQ(disagreement(bytes), "") << bytes;
  }
  EXPECT_GT(accepted, 1000U);
}

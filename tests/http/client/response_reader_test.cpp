#include <weft/http/client/response_reader.hpp>

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "scripted_transport.hpp"

using weft::errc;
using weft::http::method;
using namespace weft::http::detail;

namespace {

// What became of a response, in one line.
std::string read_all(std::vector<std::string> pieces, method asked = method::get, std::size_t room = 100) {
  scripted_transport from{std::move(pieces)};
  response_reader reader{from, 4 << 10};
  if (const auto head = reader.read_head(asked, {}); !head) return "head: " + head.error().message();
  std::string out = std::to_string(static_cast<int>(reader.head().status)) + ' ';
  std::vector<std::byte> buffer(room);
  for (;;) {
    const auto got = reader.read(buffer, {});
    if (!got) return out + ", then: " + got.error().message();
    if (*got == 0) break;
    out.append(reinterpret_cast<const char*>(buffer.data()), *got);
  }
  EXPECT_TRUE(reader.ended());
  return out + (reader.reusable() ? " (goes on)" : " (ends)");
}

// The same, whole and in random pieces.
std::string read_split(const std::string& bytes, method asked = method::get) {
  static std::mt19937 random{5};
  const std::string whole = read_all(bytes.empty() ? std::vector<std::string>{} : std::vector{bytes}, asked);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> pieces;
    const std::size_t longest = 1 + random() % 12;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t length = 1 + random() % longest;
      pieces.push_back(bytes.substr(at, length));
      at += length;
    }
    EXPECT_EQ(read_all(pieces, asked, 1 + random() % 20), whole) << bytes;
  }
  return whole;
}

std::string ok(std::string_view fields, std::string_view body) {
  return "HTTP/1.1 200 OK\r\n" + std::string{fields} + "\r\n" + std::string{body};
}
const std::string chunked = "Transfer-Encoding: chunked\r\n";
const std::string ended = make_error_code(errc::end_of_stream).message();
const std::string broken = make_error_code(errc::protocol).message();

TEST(ResponseReader, reads_each_kind_of_body) {
  EXPECT_EQ(read_split(ok("Content-Length: 5\r\n", "hello")), "200 hello (goes on)");
  EXPECT_EQ(read_split(ok("Content-Length: 0\r\n", "")), "200  (goes on)");
  EXPECT_EQ(read_split(ok(chunked, "3\r\nhel\r\n2;x=\"y\"\r\nlo\r\n0\r\nA: b\r\n\r\n")),
            "200 hello (goes on)");
  EXPECT_EQ(read_split(ok("", "hello")), "200 hello (ends)");
  EXPECT_EQ(read_split(ok("Content-Length: 5\r\nConnection: close\r\n", "hello")), "200 hello (ends)");
  EXPECT_EQ(read_split(ok("Content-Length: 5\r\n", ""), method::head), "200  (goes on)");
  EXPECT_EQ(read_split(ok(chunked, ""), method::head), "200  (goes on)");
  EXPECT_EQ(read_split("HTTP/1.1 204 No Content\r\n\r\n"), "204  (goes on)");
  EXPECT_EQ(read_split("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), "304  (goes on)");
}

TEST(ResponseReader, takes_no_byte_for_the_next_response) {
  EXPECT_EQ(read_all({ok("Content-Length: 5\r\n", "hello!")}), "200 hello (ends)");
  EXPECT_EQ(read_all({ok(chunked, "0\r\n\r\nHTTP")}), "200  (ends)");
  EXPECT_EQ(read_all({"HTTP/1.1 204 \r\nContent-Length: 1\r\n\r\nx"}), "204  (ends)");
}

TEST(ResponseReader, tells_an_end_from_a_cut) {
  EXPECT_EQ(read_split(""), "head: " + ended);
  EXPECT_EQ(read_split("HTTP/1.1 200 OK\r\nA: b\r\n"), "head: " + ended);
  EXPECT_EQ(read_split(ok("Content-Length: 5\r\n", "hell")), "200 hell, then: " + ended);
  EXPECT_EQ(read_split(ok(chunked, "5\r\nhell")), "200 hell, then: " + ended);
  EXPECT_EQ(read_split(ok(chunked, "5\r\nhello\r\n")), "200 hello, then: " + ended);
  EXPECT_EQ(read_split(ok(chunked, "0\r\nA: b\r\n")), "200 , then: " + ended);
}

TEST(ResponseReader, refuses_broken_responses) {
  EXPECT_EQ(read_split(ok(chunked, "5\nhello\r\n0\r\n\r\n")), "200 , then: " + broken);
  EXPECT_EQ(read_split(ok(chunked, "5\r\nhelloX0\r\n\r\n")), "200 hello, then: " + broken);
  EXPECT_EQ(read_split(ok(chunked, "0\r\nContent-Length: 3\r\n\r\n")), "200 , then: " + broken);
  EXPECT_EQ(read_split(ok(chunked + "Content-Length: 3\r\n", "")), "head: " + broken);
  EXPECT_EQ(read_split("SSH-2.0-OpenSSH\r\n"), "head: " + broken);
}

TEST(ResponseReader, skips_interim_responses_up_to_a_bound) {
  const std::string interim = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
  const std::string last = ok("Content-Length: 2\r\n", "ok");
  EXPECT_EQ(read_split("HTTP/1.1 100 Continue\r\n\r\n" + interim + last), "200 ok (goes on)");
  std::string many;
  for (unsigned i = 0; i < response_reader::interim_max; ++i) many += interim;
  EXPECT_EQ(read_all({many + last}), "200 ok (goes on)");
  EXPECT_EQ(read_all({many + interim + last}), "head: " + broken);
  EXPECT_EQ(read_all({"HTTP/1.1 101 Switching Protocols\r\n\r\n" + last}), "head: " + broken);
  EXPECT_EQ(read_all({"HTTP/1.1 100 \r\nContent-Length: 5\r\n\r\n" + last}), "200 ok (goes on)");
}

TEST(ResponseReader, skips_what_has_come) {
  const std::string bodies[] = {ok("Content-Length: 5\r\n", "hello"), ok(chunked, "5\r\nhello\r\n0\r\n\r\n")};
  for (const std::string& bytes : bodies)
    for (const bool all : {true, false}) {
      scripted_transport from{{all ? bytes : bytes.substr(0, bytes.size() - 1)}};
      response_reader reader{from, 4 << 10};
      ASSERT_TRUE(reader.read_head(method::get, {}));
      reader.skip_received();
      EXPECT_EQ(reader.reusable(), all) << bytes;
    }
}

}  // namespace

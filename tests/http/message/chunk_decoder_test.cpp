#include <weft/http/message/chunk_decoder.hpp>

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "guard_page.hpp"

using weft::http::detail::chunk_decoder;
using outcome = chunk_decoder::outcome;

namespace {

struct decoded {
  outcome what = outcome::incomplete;
  std::string data;
  std::size_t consumed = 0;

  bool operator==(const decoded&) const = default;
};

template <class Length>
decoded decode_in_pieces(std::string_view bytes, Length next_length) {
  chunk_decoder decoder;
  guarded_text memory{bytes.size() + 1};
  decoded result;
  for (std::size_t given = 0; result.what == outcome::incomplete && given < bytes.size();) {
    const std::size_t length = std::min(bytes.size() - given, next_length());
    std::string_view piece = memory.put(bytes.substr(given, length));
    given += length;
    do {
      const auto got = decoder.next(piece);
      result.data += got.data;
      result.consumed += got.consumed;
      piece.remove_prefix(got.consumed);
      if (got.what == outcome::failed || got.what == outcome::done) {
        result.what = got.what;
        break;
      }
    } while (!piece.empty());
  }
  return result;
}

// What comes of the bytes, which must not depend on how they are split.
decoded decode(std::string_view bytes) {
  static std::mt19937 random{3};
  const decoded whole = decode_in_pieces(bytes, [&] { return bytes.size(); });
  EXPECT_EQ(decode_in_pieces(bytes, [] { return std::size_t{1}; }), whole) << bytes;
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(decode_in_pieces(bytes, [] { return std::size_t{1 + random() % 7}; }), whole) << bytes;
  return whole;
}

void expect_body(std::string_view bytes, std::string_view body) {
  const decoded d = decode(bytes);
  EXPECT_EQ(d.what, outcome::done) << bytes;
  EXPECT_EQ(d.data, body);
  EXPECT_EQ(d.consumed, bytes.size());
}

void expect_refused(std::string_view bytes) { EXPECT_EQ(decode(bytes).what, outcome::failed) << bytes; }

}  // namespace

TEST(ChunkDecoder, joins_chunks) {
  expect_body("0\r\n\r\n", "");
  expect_body("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world");
  expect_body("A\r\n0123456789\r\n000\r\n\r\n", "0123456789");
  expect_body("a;x\r\n0123456789\r\n0;y=z\r\nTrailer-Name: v\r\n\r\n", "0123456789");
  EXPECT_EQ(decode("0\r\n\r\nGET /").consumed, 5u);
}

// Rule 9.
TEST(ChunkDecoder, refuses_doubtful_sizes) {
  for (const char* size : {"0x5", "-5", "+5", " 5", "5_0", "5 ", "", "g", "5\t", "\t5", "5,",
                           "11111111111111111", "ffffffffffffffff"})
    expect_refused(std::string{size} + "\r\nhello\r\n0\r\n\r\n");
}

// Rule 10.
TEST(ChunkDecoder, checks_extensions) {
  for (const char* good : {";a", ";a=b", " ; a = b", ";a=\"b c\\\"\"", ";a;b=c;d=\"\"", ";a=\"b\" ;c"})
    expect_body("1" + std::string{good} + "\r\nx\r\n0\r\n\r\n", "x");
  for (const char* bad : {";", ";;a", ";=b", ";a=", ";a=\"b", ";a b", ";a=b c", ";a=\"b\"c", ";\x01",
                          ";a=\"\x01\"", ";a ", ";a= ", ";a=b ", ";a\n"})
    expect_refused("1" + std::string{bad} + "\r\nx\r\n0\r\n\r\n");
  expect_refused("1;a=" + std::string(5000, 'b') + "\r\nx\r\n0\r\n\r\n");
  std::string many;
  for (int i = 0; i < 10; ++i) many += "1;a=" + std::string(2000, 'b') + "\r\nx\r\n";
  expect_refused(many + "0\r\n\r\n");
}

// Rule 11.
TEST(ChunkDecoder, refuses_more_framing_than_body) {
  std::string bytes;
  for (int i = 0; i < 30'000; ++i) bytes += "1\r\nx\r\n";
  const decoded d = decode_in_pieces(bytes, [&] { return bytes.size(); });
  EXPECT_EQ(d.what, outcome::failed);
}

// Rule 12.
TEST(ChunkDecoder, ends_lines_with_crlf_only) {
  for (const char* bytes : {"5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello0\r\n\r\n",
                            "5\r\nhello\r\n0\n\r\n", "5\rhello", "5\r\nhello\r\n0\r\n\n", "0\r\nA: b\n\r\n"})
    expect_refused(bytes);
}

// Rule 33.
TEST(ChunkDecoder, refuses_trailers_that_come_too_late) {
  for (const char* name : {"Content-Length", "content-type", "Transfer-Encoding", "Host", "Authorization",
                           "TE", "Connection", "Cookie", "Content_Length"})
    expect_refused("0\r\n" + std::string{name} + ": 1\r\n\r\n");
  for (const char* line : {" a: b", "a : b", ": b", "a", "a: \x01", "a: b\r\n c"})
    expect_refused("0\r\n" + std::string{line} + "\r\n\r\n");
  expect_body("0\r\nX-Checksum: 1\r\nA-Name-That-Is-Rather-Longer-Than-Others: 2\r\n\r\n", "");
  expect_refused("0\r\nA: " + std::string(17'000, 'b') + "\r\n\r\n");
  std::string many = "0\r\n";
  for (int i = 0; i < 101; ++i) many += "a: b\r\n";
  expect_refused(many + "\r\n");
}

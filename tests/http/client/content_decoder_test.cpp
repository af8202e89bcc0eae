#include <weft/http/client/content_decoder.hpp>

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "compressed.hpp"
#include "scripted_transport.hpp"

using weft::errc;
using namespace weft::http::detail;

namespace {

struct outcome {
  std::string text;
  std::error_code error;

  bool operator==(const outcome&) const = default;
};

// What comes out of a body with that coding, which comes in pieces of at most `step` bytes.
outcome decode(std::string_view coding, const std::string& body, std::size_t step, std::size_t room,
               std::size_t expansion_max = 200) {
  const std::string bytes = "HTTP/1.1 200 OK\r\nContent-Encoding: " + std::string{coding} +
                            "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  std::vector<std::string> pieces;
  for (std::size_t at = 0; at < bytes.size(); at += step) pieces.push_back(bytes.substr(at, step));
  scripted_transport from{std::move(pieces)};
  response_reader reader{from, 4 << 10};
  EXPECT_TRUE(reader.read_head(weft::http::method::get, {}));
  outcome got;
  auto decoder = content_decoder::of(reader, expansion_max);
  EXPECT_TRUE(decoder);
  std::vector<std::byte> buffer(room);
  for (;;) {
    const auto count = *decoder ? (*decoder)->read(buffer, {}) : reader.read(buffer, {});
    if (!count) got.error = count.error();
    if (!count || *count == 0) break;
    got.text.append(reinterpret_cast<const char*>(buffer.data()), *count);
  }
  if (!got.error) EXPECT_TRUE(reader.ended());
  return got;
}

// The same however it comes and goes; of what is broken, the error.
outcome decode_split(std::string_view coding, const std::string& body) {
  static std::mt19937 random{3};
  const outcome whole = decode(coding, body, 1 << 20, 1 << 20);
  for (int round = 0; round < 10; ++round) {
    const outcome split =
        decode(coding, body, round == 0 ? 1 : 1 + random() % 50, round == 0 ? 1 : 1 + random() % 50);
    EXPECT_TRUE(whole.error ? split.error == whole.error : split == whole) << round << ' ' << split.error;
  }
  return whole;
}

const std::string text = [] {
  std::string t;
  for (int i = 0; i < 1000; ++i) t += "line " + std::to_string(i) + '\n';
  return t;
}();

TEST(ContentDecoder, undoes_gzip_and_deflate) {
  for (const std::string& plain : {std::string{}, std::string{"x"}, text}) {
    for (const char* coding : {"gzip", "GZip", "x-gzip"})
      EXPECT_EQ(decode_split(coding, compressed(plain, as_gzip)), (outcome{plain, {}})) << coding;
    EXPECT_EQ(decode_split("deflate", compressed(plain, as_deflate)), (outcome{plain, {}}));
  }
  EXPECT_EQ(decode_split("gzip", compressed("one ", as_gzip) + compressed("two", as_gzip)),
            (outcome{"one two", {}}));
}

TEST(ContentDecoder, leaves_what_it_does_not_know) {
  const std::string body = compressed(text, as_gzip);
  for (const char* coding : {"identity", "br", "", "gzip, gzip", "gzip;x", "gz"})
    EXPECT_EQ(decode_split(coding, body), (outcome{body, {}})) << coding;
  EXPECT_EQ(decode_split("gzip", ""), (outcome{"", {}}));
}

TEST(ContentDecoder, tells_an_end_from_a_cut) {
  for (const int window : {as_gzip, as_deflate}) {
    const char* const coding = window == as_gzip ? "gzip" : "deflate";
    const std::string body = compressed(text, window);
    for (std::size_t length = 1; length < body.size(); length += length < 20 ? 1 : 97)
      EXPECT_EQ(decode(coding, body.substr(0, length), 1 << 20, 100).error, errc::end_of_stream) << length;
    EXPECT_EQ(decode(coding, body.substr(0, body.size() - 1), 1 << 20, 100).error, errc::end_of_stream);
  }
}

TEST(ContentDecoder, refuses_what_is_broken) {
  EXPECT_EQ(decode_split("gzip", text).error, errc::protocol);
  EXPECT_EQ(decode_split("gzip", compressed(text, as_deflate)).error, errc::protocol);
  EXPECT_EQ(decode_split("deflate", compressed(text, as_gzip)).error, errc::protocol);
  EXPECT_EQ(decode_split("deflate", compressed(text, as_bare_deflate)).error, errc::protocol);
  EXPECT_EQ(decode_split("gzip", compressed(text, as_gzip) + "more").error, errc::protocol);
  EXPECT_EQ(decode_split("deflate", compressed(text, as_deflate) + "x").error, errc::protocol);
  std::string wrong_sum = compressed(text, as_gzip);
  wrong_sum[wrong_sum.size() - 8] ^= 1;
  EXPECT_EQ(decode_split("gzip", wrong_sum).error, errc::protocol);
}

TEST(ContentDecoder, lets_nothing_expand_without_bound) {
  const std::string bomb = compressed(std::string(std::size_t{16} << 20, '\0'), as_gzip);
  const outcome got = decode("gzip", bomb, 1 << 20, 1 << 16);
  EXPECT_EQ(got.error, errc::limit);
  EXPECT_LE(got.text.size(), content_decoder::grace + (8 << 10) * 200 + (1 << 16));
  EXPECT_EQ(decode("gzip", bomb, 1 << 20, 1 << 16, 2000).text.size(), std::size_t{16} << 20);
  const std::string small = compressed(std::string(content_decoder::grace, '\0'), as_gzip);
  EXPECT_EQ(decode("gzip", small, 1 << 20, 1 << 16).error, std::error_code{});
}

}  // namespace

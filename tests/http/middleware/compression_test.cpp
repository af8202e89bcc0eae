#include <weft/http/middleware/compression.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include <weft/http/coding/accept_encoding.hpp>
#include <weft/http/coding/encoder.hpp>
#include <weft/http/response.hpp>
#include <weft/runtime/runtime.hpp>

#include "ask.hpp"
#include "decoders.hpp"

using namespace weft::http;
using weft::testing::ask;
using weft::testing::body_in;
using weft::testing::decode;
using weft::testing::field_of;
using weft::testing::request_text;

namespace {

std::string words(std::size_t size) {
  std::string text;
  for (unsigned i = 0; text.size() < size; ++i) text += "word " + std::to_string(i * i % 1000) + ' ';
  text.resize(size);
  return text;
}

std::string noise(std::size_t size) {
  std::string text;
  std::uint32_t state = 1;
  while (text.size() < size) text += static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return text;
}

router routes(compression_options options) {
  router r;
  r.use(compression{std::move(options)});
  r.get("/", [](request&, response& s) { s.text(words(5000)); });
  r.get("/size", [](request& q, response& s) { s.text(words(std::stoul(std::string{*q.query("n")}))); });
  r.get("/as", [](request& q, response& s) { s.body(words(5000), *q.query("type")); });
  r.get("/says",
        [](request& q, response& s) { s.header(*q.query("name"), *q.query("value")).text(words(5000)); });
  r.get("/fixed", precompiled{status::ok, "text/plain", words(5000)});
  r.get("/noise", [](request&, response& s) { s.body(noise(5000), "text/plain"); });
  r.get("/fails", [](request&, response& s) -> weft::result<void> {
    s.text(words(5000));
    return std::unexpected(status::gone);
  });
  r.get("/announced", [](request&, response& s) { s.content_length(5000).text(words(5000)); });
  r.get("/stream", [](request&, response& s) { return s.write(std::string_view{"abc"}); });
  return r;
}

std::string asked(const std::string& target, const std::string& fields = "Accept-Encoding: gzip\r\n",
                  compression_options options = {}, const char* method = "GET") {
  return ask(routes(std::move(options)), request_text(method, target, fields));
}

std::string coding_of(const std::string& target, const std::string& fields = "Accept-Encoding: gzip\r\n",
                      compression_options options = {}) {
  return field_of(asked(target, fields, std::move(options)), "Content-Encoding");
}

bool has(std::string_view coding) {
  const auto all = compression::codings();
  return std::ranges::count(all, coding) != 0;
}

}  // namespace

TEST(AcceptEncoding, weighs_codings) {
  using detail::coding_weight;
  struct row {
    const char* field;
    const char* coding;
    int weight;
  };
  for (const auto& [field, coding, weight] : {row{"", "gzip", 0},
                                              {"gzip", "gzip", 1000},
                                              {"GZip", "gzip", 1000},
                                              {"x-gzip;q=0.3", "gzip", 300},
                                              {"br, gzip;q=0.5", "gzip", 500},
                                              {"br;q=1.000 , gzip ; q=0.512", "gzip", 512},
                                              {"gzip;Q=0.2", "gzip", 200},
                                              {"gzip;q=0", "gzip", 0},
                                              {"gzip;q=0.", "gzip", 0},
                                              {"gzip;q=1.", "gzip", 1000},
                                              {"*", "gzip", 1000},
                                              {"*;q=0.1, gzip;q=0", "gzip", 0},
                                              {"*;q=0.1, br", "gzip", 100},
                                              {"gzip;q=1.001", "gzip", 0},
                                              {"gzip;q=2", "gzip", 0},
                                              {"gzip;q=0.1234", "gzip", 0},
                                              {"gzip;q=-1", "gzip", 0},
                                              {"gzip;q=a", "gzip", 0},
                                              {"gzip;level=9", "gzip", 0},
                                              {"gzip;", "gzip", 0},
                                              {"gzipped", "gzip", 0},
                                              {",,gzip,,", "gzip", 1000},
                                              {"gzip", "identity", 1},
                                              {"*;q=0", "identity", 0},
                                              {"*;q=0.5", "identity", 1},
                                              {"*;q=0, identity;q=0.5", "identity", 500},
                                              {"identity;q=0", "identity", 0}})
    EXPECT_EQ(coding_weight(field, coding), weight) << field;
}

TEST(Compression, writes_what_decoders_read) {
  for (const detail::encoder& e : detail::encoders())
    for (const std::size_t size : {0u, 1u, 100u, 5000u, 300'000u})
      for (const std::string& text : {words(size), noise(size)}) {
        const auto encoded = e.encode(text);
        ASSERT_TRUE(encoded);
        EXPECT_EQ(decode(e.name, *encoded, size), text) << e.name << ' ' << size;
      }
}

TEST(Compression, compresses_for_who_accepts_it) {
  for (const std::string_view coding : compression::codings()) {
    const std::string answer = asked("/", "Accept-Encoding: " + std::string{coding} + "\r\n");
    EXPECT_EQ(field_of(answer, "Content-Encoding"), coding);
    EXPECT_EQ(field_of(answer, "Vary"), "Accept-Encoding");
    EXPECT_EQ(field_of(answer, "Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(field_of(answer, "Content-Length"), std::to_string(body_in(answer).size()));
    EXPECT_LT(body_in(answer).size(), 3000u);
    EXPECT_EQ(decode(coding, body_in(answer), 5000), words(5000));
  }
  for (const char* field : {"", "Accept-Encoding: identity\r\n", "Accept-Encoding: gzip;q=0\r\n",
                            "Accept-Encoding: compress\r\n", "Accept-Encoding: gzip;q=0.5, identity\r\n"}) {
    const std::string answer = asked("/", field);
    EXPECT_EQ(field_of(answer, "Content-Encoding"), "none") << field;
    EXPECT_EQ(field_of(answer, "Vary"), "Accept-Encoding");
    EXPECT_EQ(body_in(answer), words(5000));
  }
}

TEST(Compression, takes_the_coding_that_the_client_likes_best) {
  if (!has("br") || !has("gzip")) GTEST_SKIP() << "there is nothing to choose";
  EXPECT_EQ(coding_of("/", "Accept-Encoding: gzip, br\r\n"), "br");
  EXPECT_EQ(coding_of("/", "Accept-Encoding: gzip;q=0.9, br;q=0.8\r\n"), "gzip");
  EXPECT_EQ(coding_of("/", "Accept-Encoding: br;q=0.8\r\nAccept-Encoding: gzip;q=0.9\r\n"), "gzip");
  EXPECT_EQ(coding_of("/", "Accept-Encoding: *\r\n"), compression::codings().front());
}

TEST(Compression, leaves_small_compressed_and_partial_bodies) {
  if (!has("gzip")) GTEST_SKIP() << "without zlib";
  EXPECT_EQ(coding_of("/size?n=1023"), "none");
  EXPECT_EQ(coding_of("/size?n=1024"), "gzip");
  EXPECT_EQ(coding_of("/size?n=1024", "Accept-Encoding: gzip\r\n", {.size_min = 1025}), "none");
  for (const char* type : {"image/png", "application/zip", "application/octet-stream", "font/woff2", ""})
    EXPECT_EQ(coding_of(std::string{"/as?type="} + type), "none") << type;
  for (const char* type : {"text/html;charset=utf-8", "TEXT/CSS", "application/json", "application/ld%2Bjson",
                           "image/svg%2Bxml", "application/javascript"})
    EXPECT_EQ(coding_of(std::string{"/as?type="} + type), "gzip") << type;
  EXPECT_EQ(
      coding_of("/as?type=application/wasm", "Accept-Encoding: gzip\r\n", {.types = {"application/wasm"}}),
      "gzip");
  EXPECT_EQ(coding_of("/says?name=Content-Encoding&value=br"), "br");
  EXPECT_EQ(coding_of("/says?name=Content-Range&value=bytes+0-4999/9999"), "none");
  EXPECT_EQ(coding_of("/says?name=Cache-Control&value=public,+no-transform"), "none");
  EXPECT_EQ(coding_of("/fixed"), "none");
  EXPECT_EQ(coding_of("/noise"), "none");
  EXPECT_EQ(coding_of("/fails"), "none");
  EXPECT_EQ(coding_of("/stream"), "none");
  EXPECT_EQ(field_of(asked("/as?type=image/png"), "Vary"), "none");
}

// BREACH: a secret beside what the request says must not show by its length.
TEST(Compression, leaves_what_has_announced_its_length) {
  const std::string answer = asked("/announced");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer.substr(0, 100);
  EXPECT_EQ(field_of(answer, "Content-Encoding"), "none");
  EXPECT_EQ(body_in(answer), words(5000));
}

TEST(Compression, leaves_what_may_hold_secrets) {
  if (!has("gzip")) GTEST_SKIP() << "without zlib";
  for (const std::string credential : {"Cookie: a=1\r\n", "Authorization: Basic YTph\r\n"}) {
    const std::string fields = "Accept-Encoding: gzip\r\n" + credential;
    EXPECT_EQ(coding_of("/", fields), "none") << credential;
    EXPECT_EQ(coding_of("/", fields, {.with_credentials = true}), "gzip");
    EXPECT_EQ(coding_of("/says?name=Cache-Control&value=max-age=9,+Public", fields), "gzip");
    EXPECT_EQ(coding_of("/says?name=Cache-Control&value=private", fields), "none");
  }
  EXPECT_EQ(coding_of("/says?name=Set-Cookie&value=a"), "none");
}

TEST(Compression, weakens_the_etag_of_what_it_changes) {
  if (!has("gzip")) GTEST_SKIP() << "without zlib";
  EXPECT_EQ(field_of(asked("/says?name=ETag&value=%22a%22"), "ETag"), "W/\"a\"");
  EXPECT_EQ(field_of(asked("/says?name=ETag&value=W/%22a%22"), "ETag"), "W/\"a\"");
  EXPECT_EQ(field_of(asked("/says?name=ETag&value=%22a%22", ""), "ETag"), "\"a\"");
}

TEST(Compression, tells_head_what_get_would_get) {
  const std::string got = asked("/");
  EXPECT_EQ(asked("/", "Accept-Encoding: gzip\r\n", {}, "HEAD"), got.substr(0, got.find("\r\n\r\n") + 4));
}

TEST(Compression, works_in_fibers_and_off_the_worker) {
  if (!has("gzip")) GTEST_SKIP() << "without zlib";
  weft::run([] {
    for (const std::size_t blocking_from : {std::size_t{0}, std::size_t{1} << 20}) {
      const std::string answer = asked("/", "Accept-Encoding: gzip\r\n", {.blocking_from = blocking_from});
      EXPECT_EQ(decode("gzip", body_in(answer), 5000), words(5000));
    }
  });
}

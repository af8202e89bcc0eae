// The rules of HTTP/1.1 that a server is measured by, one row a rule: what comes, and what it is answered.
//
// Each row is sent between two good requests, whole, byte by byte and in random pieces. Whatever is malformed
// is answered once, after the request before it, and what follows is never read as a request. Sources: RFC
// 9110, RFC 9112 with its errata, RFC 3986; a row names what it is about.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "exchange_world.hpp"

using namespace weft::http;

namespace {

struct rule {
  std::string bytes;
  std::string answer;  // "400 end": this status, and the connection ends
};

router rule_routes() {
  router r;
  r.get("/", precompiled{status::ok, "text/plain", "x"});
  r.get("/seen", [](request& q, response& s) { s.text(q.path()); });
  r.any("/echo", [](request& q, response& s) -> weft::result<void> {
    s.text(WEFT_TRY(q.body()));
    return {};
  });
  r.post("/small",
         [](request& q, response& s) -> weft::result<void> {
           s.text(WEFT_TRY(q.body()));
           return {};
         },
         {.body_max = 10});
  r.post("/ignore", [](request&, response& s) { s.text("ignored"); });
  r.get("/a b/{c}", [](request& q, response& s) { s.text(q.param("c")); });
  return r;
}

answers talk(std::vector<std::string> pieces, bool stays_silent = false) {
  static exchange_world world{rule_routes()};
  return world.talk(std::move(pieces), stays_silent);
}

// What `bytes` are answered between two good requests.
void expect_answers(const std::vector<rule>& rules) {
  static std::mt19937 random{36};
  for (const rule& r : rules) {
    const std::string bytes = get("/") + r.bytes + get("/");
    const bool ends = r.answer.ends_with(" end");
    const answers whole = talk({bytes}, /*stays_silent=*/true);
    EXPECT_EQ(statuses(whole.text), "200 " + r.answer + (ends ? "" : " 200")) << readable(r.bytes);
    EXPECT_EQ(whole.lingers, ends) << readable(r.bytes);
    if (bytes.size() <= 4096) EXPECT_EQ(whole.sends, 1u) << readable(r.bytes);
    EXPECT_EQ(talk(single_bytes(bytes)).text, whole.text) << readable(r.bytes);
    for (int round = 0; round < 4; ++round)
      EXPECT_EQ(talk(random_pieces(bytes, random, 60)).text, whole.text) << readable(r.bytes);
  }
}

std::string with_length(std::string_view value) {
  return "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::string{value} + "\r\n\r\nabcde";
}
std::string with_coding(std::string_view value) {
  return "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: " + std::string{value} +
         "\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
}
std::string with_host(std::string_view value) {
  return "GET / HTTP/1.1\r\nHost: " + std::string{value} + "\r\n\r\n";
}
std::string with_line(std::string_view line) { return get("/", std::string{line} + "\r\n"); }
std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (; times != 0; --times) all += text;
  return all;
}

}  // namespace

TEST(Rules, row_1_content_length_and_transfer_encoding_together) {
  expect_answers({
      {post_chunked("/echo", "0\r\n\r\n", "Content-Length: 5\r\n"), "400 end"},
      {post("/echo", "0\r\n\r\n", "Transfer-Encoding: chunked\r\n"), "400 end"},
      {post("/echo", "", "transfer-encoding: chunked\r\n"), "400 end"},
  });
}

TEST(Rules, rows_2_and_3_content_length_twice) {
  expect_answers({
      {post("/echo", "abcde", "Content-Length: 6\r\n"), "400 end"},
      {post("/echo", "abcde", "Content-Length: 5\r\n"), "400 end"},
      {post("/echo", "abcde", "X: y\r\ncontent-length: 5\r\n"), "400 end"},
      {with_length("5, 6"), "400 end"},
      {with_length("5, 5"), "400 end"},
      {with_length("5,5"), "400 end"},
      {with_length("5,"), "400 end"},
  });
}

TEST(Rules, rows_4_and_5_content_length_that_is_no_number) {
  for (const char* value : {"+5", "-1", "0x5", "5 5", "1_0", "", " ", "five", "5a", "5.0", "5;", "\"5\"",
                            "1e0", "\xc2\xb2", "99999999999999999999", "18446744073709551621"})
    expect_answers({{with_length(value), "400 end"}});
  expect_answers({
      {with_length("005"), "200"},  // decimal, never octal
      {with_length("0000000000000000005"), "200"},
      {with_length("\t5 \t"), "200"},
      {with_length("9999999999999999999"), "413 end"},
      {with_length("1048577"), "413 end"},
      {post("/small", "0123456789"), "200"},
      {post("/small", "0123456789a"), "413 end"},
  });
  EXPECT_NE(talk({with_length("005")}).text.find("\r\n\r\nabcde"), std::string::npos);
  const std::string octal = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 010\r\n\r\n0123456789";
  EXPECT_NE(talk({octal + get("/")}).text.find("\r\n\r\n0123456789HTTP/1.1 200"), std::string::npos);
}

TEST(Rules, rows_6_and_7_transfer_encoding_that_is_not_chunked_once) {
  for (const char* value : {"xchunked",
                            "chunkedx",
                            "chunked, identity",
                            ",chunked",
                            "chunked,",
                            "chunked;q=1",
                            "identity",
                            "gzip",
                            "chunked, chunked",
                            "chunked,gzip,chunked",
                            "chunked chunked",
                            "\vchunked",
                            "\fchunked",
                            "chunked\x0b",
                            "'chunked'",
                            "\"chunked\"",
                            "",
                            "gzip chunked",
                            "gzip;, chunked;",
                            "(x), chunked"})
    expect_answers({{with_coding(value), "400 end"}});
  expect_answers({
      {with_coding(std::string_view{"chunked\0", 8}), "400 end"},
      {with_coding("chunked"), "200"},
      {with_coding("CHUNKED"), "200"},
      {with_coding(" \t chunked \t"), "200"},
      {with_coding("gzip, chunked"), "501 end"},
      {with_coding("deflate,chunked"), "501 end"},
      {with_coding("x-new;level=1, chunked"), "501 end"},
      {post_chunked("/echo", "0\r\n\r\n", "Transfer-Encoding: chunked\r\n"), "400 end"},
      {post_chunked("/echo", "0\r\n\r\n", "transfer-encoding: identity\r\n"), "400 end"},
  });
}

TEST(Rules, row_8_transfer_encoding_on_1_0) {
  expect_answers({
      {"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 end"},
      {"POST /echo HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n",
       "400 end"},
  });
}

TEST(Rules, row_9_chunk_size) {
  for (const char* size : {"0x5", "-5", "+5", " 5", "5_0", "5 ", "5\t", "", "5h", "G", "\"5\"", "5.", "5\x0b",
                           "10000000000000005", "ffffffffffffffff", "123456789abcdef01"})
    expect_answers({{post_chunked("/echo", std::string{size} + "\r\nabcde\r\n0\r\n\r\n"), "400 end"}});
  expect_answers({
      {post_chunked("/echo", "5\r\nabcde\r\n0\r\n\r\n"), "200"},
      {post_chunked("/echo", "05\r\nabcde\r\n000\r\n\r\n"), "200"},
      {post_chunked("/echo", "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"), "200"},
      {post_chunked("/small", "a\r\n0123456789\r\n0\r\n\r\n"), "200"},
      {post_chunked("/small", "b\r\n0123456789a\r\n0\r\n\r\n"), "413 end"},
      {post_chunked("/small", "6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n"), "413 end"},
      {post_chunked("/echo", "5\r\nabcdef\r\n0\r\n\r\n"), "400 end"},
      {post_chunked("/echo", "5\r\nabcd\r\n0\r\n\r\n"), "400 end"},
      {post_chunked("/echo", "\r\n5\r\nabcde\r\n0\r\n\r\n"), "400 end"},
  });
}

TEST(Rules, row_10_chunk_extensions) {
  const auto extended = [](std::string_view extension) {
    return post_chunked("/echo", "5" + std::string{extension} + "\r\nabcde\r\n0\r\n\r\n");
  };
  for (const char* good :
       {";a", ";a=b", ";a=\"b\"", ";a;b", " ; a = b", ";a=\"\\\"\";b", ";a=\"x;y\"", ";a=\"\"", "\t;\ta"})
    expect_answers({{extended(good), "200"}});
  for (const char* bad :
       {";", ";;a", ";a;", ";=b", ";a=", ";a=\"b", ";a=b\"", ";a=\"b\"c", ";a=b c", ";a b", ";a\x01",
        ";a=\"\x01\"", ";a\rb", ";a\nb", ";a=\"\r\n\"", ";a=\x7f", "; ", ";a ", ";(a)"})
    expect_answers({{extended(bad), "400 end"}});
  expect_answers({
      {extended(";a=" + std::string(4000, 'b')), "200"},
      {extended(";a=" + std::string(4200, 'b')), "400 end"},
      {extended(";a=" + std::string(64 << 10, 'b')), "400 end"},
      {post_chunked("/echo", repeated("1;a=" + std::string(3000, 'b') + "\r\nx\r\n", 5) + "0\r\n\r\n"),
       "200"},
      {post_chunked("/echo", repeated("1;a=" + std::string(3000, 'b') + "\r\nx\r\n", 6) + "0\r\n\r\n"),
       "400 end"},
  });
}

TEST(Rules, row_11_chunks_that_are_mostly_overhead) {
  const std::string one = "1\r\nx\r\n";
  expect_answers({
      {post_chunked("/echo", repeated(one, 15'000) + "0\r\n\r\n"), "200"},
      {post_chunked("/echo", repeated(one, 40'000) + "0\r\n\r\n"), "400 end"},
      {post_chunked("/echo", repeated("8\r\n01234567\r\n", 40'000) + "0\r\n\r\n"), "200"},
  });
}

TEST(Rules, row_12_bare_line_feeds_in_chunks) {
  expect_answers({
      {post_chunked("/echo", "5\nabcde\r\n0\r\n\r\n"), "400 end"},
      {post_chunked("/echo", "5\r\nabcde\n0\r\n\r\n"), "400 end"},
      {post_chunked("/echo", "5\r\nabcde\r\n0\n\r\n"), "400 end"},
      {post_chunked("/echo", "5\r\nabcde\r\n0\r\n\n"), "400 end"},
      {post_chunked("/echo", "5\r\nabcde\r\n0\r\nX: y\n\r\n"), "400 end"},
      {post_chunked("/echo", "5\r\r\nabcde\r\n0\r\n\r\n"), "400 end"},
      {post_chunked("/echo", "5\r\nabcde\r\r\n0\r\n\r\n"), "400 end"},
      {post_chunked("/echo", "5\rabcde\r\n0\r\n\r\n"), "400 end"},
      {post_chunked("/echo", "5;a\nabcde\r\n0\r\n\r\n"), "400 end"},
  });
}

TEST(Rules, rows_13_and_14_bare_line_feeds_and_carriage_returns_in_the_head) {
  expect_answers({
      {"GET / HTTP/1.1\nHost: a\r\n\r\n", "400 end"},
      {"GET / HTTP/1.1\r\nHost: a\n\r\n", "400 end"},
      {"GET / HTTP/1.1\r\nHost: a\r\n\n", "400 end"},
      {"GET / HTTP/1.1\nHost: a\n\n", "400 end"},
      {"GET /\n", "400 end"},
      {"GET / HTTP/1.1\r\nHost: a\r\n\rX", "400 end"},
      {"GET / HTTP/1.1\r\nHost: a\r\rX: y\r\n\r\n", "400 end"},
      {"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", "400 end"},
      {"GET / HTTP/1.1\rHost: a\r\n\r\n", "400 end"},
      {"GET\r/ HTTP/1.1\r\nHost: a\r\n\r\n", "400 end"},
      {with_line("X: a\rb"), "400 end"},
      {with_line("X\r: a"), "400 end"},
      {with_line("X:\ra"), "400 end"},
      {with_line("X: a\r"), "400 end"},
  });
}

TEST(Rules, row_15_controls_in_values) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string between = with_line("X: a" + std::string(1, static_cast<char>(byte)) + "b");
    const bool allowed = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    expect_answers({{between, allowed ? "200" : "400 end"}});
  }
}

TEST(Rules, rows_16_and_17_folded_lines_and_spaces_around_names) {
  expect_answers({
      {with_line("X: a\r\n b"), "400 end"},
      {with_line("X: a\r\n\tb"), "400 end"},
      {with_line("X: a\r\n "), "400 end"},
      {with_line("X:\r\n a"), "400 end"},
      {with_line("X : a"), "400 end"},
      {with_line("X\t: a"), "400 end"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nabcde", "400 end"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400 end"},
      {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "400 end"},
      {"GET / HTTP/1.1\r\n\tX: y\r\nHost: a\r\n\r\n", "400 end"},
  });
}

TEST(Rules, row_18_names_that_are_no_tokens) {
  expect_answers({
      {with_line(": a"), "400 end"},
      {with_line("X"), "400 end"},
      {with_line("X y"), "400 end"},
      {with_line("GET / HTTP/1.1"), "400 end"},
  });
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    if (c == ':') continue;
    const bool token =
        byte < 0x80 && byte != 0 &&
        (std::isalnum(byte) != 0 || std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string::npos);
    expect_answers({{with_line("X" + std::string(1, c) + "y: a"), token ? "200" : "400 end"}});
  }
}

TEST(Rules, row_19_names_that_look_like_framing) {
  expect_answers({
      {with_line("Content_Length: 5"), "400 end"},
      {with_line("content_length: 0"), "400 end"},
      {with_line("Transfer_Encoding: chunked"), "400 end"},
      {with_line("TRANSFER_ENCODING: x"), "400 end"},
      {with_line("Content_Type: x"), "200"},
      {with_line("X_Y: z"), "200"},
  });
}

TEST(Rules, rows_20_to_22_host) {
  expect_answers({
      {"GET / HTTP/1.1\r\n\r\n", "400 end"},
      {"GET / HTTP/1.1\r\nX: y\r\n\r\n", "400 end"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400 end"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhost: b\r\n\r\n", "400 end"},
      {"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "400 end"},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200"},
  });
  for (const char* good : {"a", "A.example", "a:80", "a:", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:80",
                           "[::ffff:1.2.3.4]:1", "a_b", "a%20b", "xn--a", "a~b!$&'()*+;=", "1", "a."})
    expect_answers({{with_host(good), "200"}});
  for (const char* bad :
       {"",    " ",    "a, b", "a,b",      "a b",     "u@a",   "u:p@a",     "a/",       "a/b",
        "a?b", "a#b",  "a:b",  "a:80:80",  "a:-1",    "a:+1",  "a: 80",     "a:65536",  "a:99999999999",
        ":80", "[::1", "::1",  "[::1]80",  "[::1]:x", "[::g]", "[1.2.3.4]", "[]",       "a\\b",
        "a%",  "a%2",  "a%zz", "\xc3\xa9", "a\"",     "<a>",   "a[b]",      "http://a", "[::1%25eth0]"})
    expect_answers({{with_host(bad), "400 end"}});
}

TEST(Rules, rows_23_and_24_forms_of_target) {
  const auto asks = [](std::string_view line, std::string_view host) {
    return std::string{line} + " HTTP/1.1\r\nHost: " + std::string{host} + "\r\n\r\n";
  };
  expect_answers({
      {asks("GET http://a/seen", "a"), "200"},
      {asks("GET HTTP://A:80/seen?x=http://b/", "a"), "200"},
      {asks("GET https://a:443/seen", "a"), "200"},
      {asks("GET http://a", "a"), "200"},
      {asks("GET http://a?x", "a"), "200"},
      {"GET http://a/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200"},
      {asks("GET http://b/", "a"), "400 end"},
      {asks("GET http://a:81/", "a"), "400 end"},
      {asks("GET https://a/", "a:80"), "400 end"},
      {asks("GET http://u@a/", "a"), "400 end"},
      {asks("GET http:///", "a"), "400 end"},
      {asks("GET http://", "a"), "400 end"},
      {asks("GET ftp://a/", "a"), "400 end"},
      {asks("GET http:/a", "a"), "400 end"},
      {asks("GET a", "a"), "400 end"},
      {asks("GET a/b", "a"), "400 end"},
      {asks("GET ../x", "a"), "400 end"},
      {asks("GET ?x", "a"), "400 end"},
      {asks("GET a:80", "a"), "400 end"},
      {asks("GET *", "a"), "400 end"},
      {asks("POST *", "a"), "400 end"},
      {asks("OPTIONS *x", "a"), "400 end"},
      {asks("OPTIONS *", "a"), "204"},
      {asks("OPTIONS /echo", "a"), "200"},  // a handler of its own
      {asks("OPTIONS /seen", "a"), "204"},
  });
  EXPECT_NE(talk({asks("OPTIONS *", "a")}).text.find("\r\nAllow: "), std::string::npos);
}

TEST(Rules, row_25_connect) {
  expect_answers({
      {"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "405"},
      {"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n", "405"},
      {"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 5\r\n\r\nabcde", "400 end"},
      {"CONNECT a:443 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 end"},
      {"CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", "400 end"},
      {"CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n", "400 end"},
      {"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", "400 end"},
      {"CONNECT http://a:443/ HTTP/1.1\r\nHost: a\r\n\r\n", "400 end"},
      {"CONNECT u@a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "400 end"},
      {"CONNECT * HTTP/1.1\r\nHost: a\r\n\r\n", "400 end"},
  });
}

TEST(Rules, row_26_bytes_that_a_target_must_not_have) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool visible = byte > 0x20 && byte < 0x7f;
    if (c == '%') continue;
    const bool allowed = visible && c != '#' && c != '\\';
    expect_answers({{get("/seen?a" + std::string(1, c) + "b"), allowed ? "200" : "400 end"}});
    if (c != '?') expect_answers({{get("/x" + std::string(1, c) + "y"), allowed ? "404" : "400 end"}});
  }
  for (const char* bad : {"/%", "/%2", "/%zz", "/%2g", "/%00", "/seen%00", "/a%0", "/%%20", "/%u0041"})
    expect_answers({{get(bad), "400 end"}});
  expect_answers({
      {get("/s%65en"), "200"},
      {get("/a%20b/%c3%a9"), "200"},
      {get("/a%20b/%0d%0aX:%20y"),
       "200"},  // decoded for the handler: what it then does with it, row 35 guards
      {get("/seen%2f"), "404"},
      {get("/seen?%zz"), "200"},  // a query is the application's
  });
}

TEST(Rules, row_27_spaces_and_empty_lines_around_the_request_line) {
  expect_answers({
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "400 end"},
      {"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "400 end"},
      {"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "400 end"},
      {"GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", "400 end"},
      {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "400 end"},
      {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", "400 end"},
      {"GET / x HTTP/1.1\r\nHost: a\r\n\r\n", "400 end"},
      {"GET HTTP/1.1\r\nHost: a\r\n\r\n", "400 end"},
      {"GET / \r\nHost: a\r\n\r\n", "400 end"},
      {"\r\n" + get("/"), "200"},
      {"\r\n\r\n" + get("/"), "200"},
      {"\r\n\r\n\r\n" + get("/"), "400 end"},
      {"\n" + get("/"), "400 end"},
      {"\r" + get("/"), "400 end"},
      {std::string(1, '\0') + get("/"), "400 end"},
  });
}

TEST(Rules, row_28_versions) {
  const auto with = [](std::string_view version) {
    return "GET / " + std::string{version} + "\r\nHost: a\r\n\r\n";
  };
  for (const char* bad :
       {"HTTP/1",   "HTTP/1.",   "HTTP/.1",   "HTTP/01.1", "HTTP/1.01", "HTTP/1.10", "http/1.1", "Http/1.1",
        "HTTP/1,1", "HTTP /1.1", "HTTP/ 1.1", "HTTP/1 .1", "HTTP/-1.1", "HTTP/0.9",  "HTTP/0.0", "HTTP/2",
        "HTTP/x.1", "HTTP/1.x",  "HTTP",      "HTTPS/1.1", "ICE/1.0",   "1.1",       "HTTP/11"})
    expect_answers({{with(bad), "400 end"}});
  expect_answers({
      {"GET /\r\n", "400 end"},
      {"GET / \r\n", "400 end"},
      {with("HTTP/1.2"), "200"},
      {with("HTTP/1.9"), "200"},
      {with("HTTP/2.0"), "505 end"},
      {with("HTTP/2.1"), "505 end"},
      {with("HTTP/9.9"), "505 end"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 end"},
  });
}

TEST(Rules, row_29_methods) {
  const auto asks = [](std::string_view method, std::string_view path = "/") {
    return std::string{method} + ' ' + std::string{path} + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  for (const char* bad :
       {"G@T", "G(T", "\"GET\"", "G\x01T", "G\x80T", "GET,", "<GET>", "G=T", "GET:", "{GET}"})
    expect_answers({{asks(bad), "400 end"}});
  expect_answers({
      {asks(""), "400 end"},
      {asks("get"), "501"},
      {asks("Get"), "501"},
      {asks("GETX"), "501"},
      {asks("PROPFIND"), "501"},
      {asks("BREW", "/nothing"), "501"},
      {asks("!#$%&'*+-.^_`|~"), "501"},
      {asks(std::string(32, 'X')), "501"},
      {asks(std::string(33, 'X')), "501 end"},
      {asks(std::string(9000, 'X')), "501 end"},
      {asks("DELETE"), "405"},
      {asks("TRACE"), "405"},
      {asks("POST", "/seen"), "405"},
      {asks("DELETE", "/nothing"), "404"},
      {asks("DELETE", "/echo"), "200"},
  });
  EXPECT_NE(talk({asks("DELETE")}).text.find("\r\nAllow: GET, HEAD, OPTIONS\r\n"), std::string::npos);
}

TEST(Rules, row_30_limits_of_target_head_and_fields) {
  expect_answers({
      {get("/seen?" + std::string(8192 - 6, 'x')), "200"},
      {get("/seen?" + std::string(8192 - 5, 'x')), "414 end"},
      {get("/" + std::string(100'000, 'x')), "414 end"},
      {with_line("X: " + std::string(15'000, 'x')), "200"},
      {with_line("X: " + std::string(16 << 10, 'x')), "431 end"},
      {with_line(std::string(16 << 10, 'x') + ": y"), "431 end"},
      {get("/", repeated("X: y\r\n", 99)), "200"},  // and Host
      {get("/", repeated("X: y\r\n", 100)), "431 end"},
      {get("/", repeated("X: y\r\n", 5000)), "431 end"},
  });
}

TEST(Rules, row_31_bodies_that_nobody_reads) {
  expect_answers({
      {get("/", "Content-Length: 5\r\n") + "abcde", "200"},
      {get("/seen", "Content-Length: 5\r\n") + get("/").substr(0, 5), "200"},
      {"OPTIONS * HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde", "204"},
      {post("/ignore", std::string(256 << 10, 'x')), "200"},
      {post("/nothing", std::string(5, 'x')), "404"},
  });
  EXPECT_EQ(statuses(talk({post("/ignore", std::string(320 << 10, 'x')) + get("/")}).text), "200 end");
  EXPECT_EQ(statuses(talk({post_chunked("/ignore", "5\r\nabcde\r\n0\r\n\r\n") + get("/")}).text), "200 200");
  // What has not come of a chunked body may be of any length.
  EXPECT_EQ(statuses(talk({post_chunked("/ignore", "5\r\nab"), "cde\r\n0\r\n\r\n" + get("/")}).text),
            "200 end");
}

TEST(Rules, row_32_expect) {
  const auto expecting = [](std::string_view path, std::string_view what = "100-continue") {
    return "POST " + std::string{path} +
           " HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: " + std::string{what} + "\r\n\r\n";
  };
  const auto answered = [](std::vector<std::string> pieces) {
    return statuses(talk(std::move(pieces)).text);
  };
  EXPECT_EQ(answered({expecting("/echo"), "abcde" + get("/")}), "100 200 200");
  EXPECT_EQ(answered({expecting("/echo", "100-Continue"), "abcde" + get("/")}), "100 200 200");
  EXPECT_EQ(answered({expecting("/echo") + "abcde" + get("/")}), "200 200");  // it is here already
  EXPECT_EQ(answered({expecting("/ignore"), get("/")}), "200 end");  // final without 100: nobody knows
  EXPECT_EQ(answered({expecting("/ignore") + "abcde" + get("/")}), "200 200");
  EXPECT_EQ(answered({expecting("/nothing"), get("/")}), "404 end");
  EXPECT_EQ(
      answered({post_chunked("/echo", "", "Expect: 100-continue\r\n"), "1\r\nx\r\n0\r\n\r\n" + get("/")}),
      "100 200 200");
  EXPECT_EQ(answered({get("/seen", "Expect: 100-continue\r\n"), get("/")}), "200 200");  // there is no body
  EXPECT_EQ(answered({"POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n"
                      "Expect: 100-continue\r\n\r\n",
                      "abcde"}),
            "200");
  expect_answers({
      {expecting("/echo", "200-maybe") + "abcde", "417 end"},
      {expecting("/echo", "100-continue, x") + "abcde", "417 end"},
      {expecting("/echo", "") + "abcde", "417 end"},
  });
}

TEST(Rules, row_33_trailers_that_would_change_the_request) {
  const auto with_trailers = [](std::string_view lines) {
    return post_chunked("/echo", "5\r\nabcde\r\n0\r\n" + std::string{lines} + "\r\n");
  };
  for (const char* name :
       {"Content-Length", "content-type", "Content-Encoding", "Content-Range", "CONTENT_LENGTH",
        "Transfer-Encoding", "Transfer_Encoding", "Host", "Authorization", "Proxy-Authorization",
        "Connection", "Cookie", "Expect", "TE", "Trailer", "Upgrade"})
    expect_answers({{with_trailers(std::string{name} + ": 0\r\n"), "400 end"},
                    {with_trailers("X: y\r\n" + std::string{name} + ":\r\n"), "400 end"}});
  expect_answers({
      {with_trailers("X: y\r\nHostess: z\r\n"), "200"},
      {with_trailers("X:\r\n"), "200"},
      {with_trailers("X: y\x80\r\n"), "200"},
      {with_trailers(": y\r\n"), "400 end"},
      {with_trailers("X y\r\n"), "400 end"},
      {with_trailers("X : y\r\n"), "400 end"},
      {with_trailers("X: y\r\n z\r\n"), "400 end"},
      {with_trailers("X: \x01\r\n"), "400 end"},
      {with_trailers("X: y\r"), "400 end"},
      {with_trailers(repeated("X: y\r\n", 100)), "200"},
      {with_trailers(repeated("X: y\r\n", 101)), "400 end"},
      {with_trailers("X: " + std::string(16'000, 'y') + "\r\n"), "200"},
      {with_trailers("X: " + std::string(17'000, 'y') + "\r\n"), "400 end"},
  });
}

TEST(Rules, row_36_what_is_malformed_is_answered_once_and_never_read_on_from) {
  static constexpr std::string_view broken[] = {
      "GET / HTTP/1.1\r\nX Y: z\r\n\r\n", "\x16\x03\x01\x02", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n"};
  for (const std::string_view bad : broken) {
    const std::string before = get("/") + post("/echo", "abcde") + get("/nothing");
    // A request that a parser would find if it looked for the next line that makes sense.
    const std::string bytes = before + std::string{bad} + get("/seen") + std::string{bad} + get("/seen");
    const answers whole = talk({bytes}, /*stays_silent=*/true);
    EXPECT_EQ(statuses(whole.text), "200 200 404 400 end") << readable(bad);
    EXPECT_TRUE(whole.lingers) << readable(bad);
    EXPECT_EQ(whole.sends, 1u) << readable(bad);
    // Not even what comes after the answer is on its way.
    EXPECT_EQ(talk({before + std::string{bad}, get("/seen"), get("/seen")}).text, whole.text)
        << readable(bad);
  }
}

TEST(Rules, row_37_what_does_not_come_in_time) {
  exchange_world world{rule_routes()};
  detail::exchange& e = world.e;
  const auto received_of = [&](std::string bytes) {
    scripted_transport peer{{}};
    e.end();
    e.begin(peer);
    std::memcpy(e.input_space().data(), bytes.data(), bytes.size());
    e.received(bytes.size());
    if (e.advance() == detail::exchange::next::handle) e.run_handler();
    return statuses(without_dates(peer.received + std::string{e.output()}));
  };
  EXPECT_EQ(received_of("GET / HT"), "");
  ASSERT_TRUE(e.head_begun());  // its driver has the clock, and says:
  e.give_up(status::request_timeout);
  EXPECT_EQ(statuses(without_dates(e.output())), "408 end");
  EXPECT_EQ(received_of(get("/")), "200");
  EXPECT_FALSE(e.head_begun());  // an idle connection ends without a word
  scripted_transport slow{{"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc"}};
  slow.stays_silent = true;
  world.of.limits.request = std::chrono::nanoseconds{1};
  slow.drive(e);
  EXPECT_EQ(statuses(without_dates(slow.received)), "408 end");
}

// Requests that others found worth testing, answered as the rules here say.
//
// Each row is a case of a public test suite, told again in few bytes: what is taken from there is the fact
// that a message of this shape has broken, or must not break, a parser. The verdicts are ours; where the
// suite is more lenient (bare line feeds, folded lines, an HTTP/1.1 request without Host), ours is the
// refusal. Sources, all under the MIT licence: llhttp, test/request/*.md (github.com/nodejs/llhttp), and its
// ancestor http-parser, test.c; picohttpparser, test.c (github.com/h2o/picohttpparser, MIT or Perl);
// gunicorn, tests/requests (github.com/benoitc/gunicorn).
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include <weft/runtime/base/byte_kernels.hpp>

#include "exchange_world.hpp"

using namespace weft::http;

namespace {

struct known_case {
  const char* about;
  std::string bytes;
  std::string answer;  // where its peer says no more too soon: "" in the head, 504 in the body
};

std::string answer_to(std::vector<std::string> pieces) {
  static exchange_world world{[] {
    router r;
    r.any("/{path...}", [](request& q, response& s) -> weft::result<void> {
      s.text(WEFT_TRY(q.body()));
      return {};
    });
    return r;
  }()};
  return world.talk(std::move(pieces), /*stays_silent=*/true).text;
}

void expect_answers(const std::vector<known_case>& cases) {
  static std::mt19937 random{32};
  for (const known_case& c : cases) {
    const std::string whole = answer_to({c.bytes});
    EXPECT_EQ(statuses(whole), c.answer) << c.about << ": " << readable(c.bytes);
    EXPECT_EQ(answer_to(single_bytes(c.bytes)), whole) << c.about;
    for (const auto* const kernels : weft::detail::all_byte_kernels()) {
      if (!weft::detail::read_cpu_features().has(kernels->level)) continue;
      const auto* const usual = std::exchange(weft::detail::byte_kernels, kernels);
      EXPECT_EQ(answer_to({c.bytes}), whole) << c.about << ", " << weft::simd::name(kernels->level);
      weft::detail::byte_kernels = usual;
    }
    for (int round = 0; round < 8; ++round)
      EXPECT_EQ(answer_to(random_pieces(c.bytes, random, 30)), whole) << c.about;
  }
}

// A request of lines, each to be ended with CRLF, and a body.
std::string lines(std::initializer_list<std::string_view> all, std::string_view body = "") {
  std::string text;
  for (const std::string_view line : all) text.append(line).append("\r\n");
  return text.append("\r\n").append(body);
}

const std::string chunked = "Transfer-Encoding: chunked";

}  // namespace

TEST(Corpora, llhttp_transfer_encoding) {
  const auto sends = [](std::string_view chunks) {
    return lines({"PUT /u HTTP/1.1", "Host: h", chunked}, chunks);
  };
  const auto codes = [](std::string_view coding, std::string_view more = "X: y") {
    return lines({"POST /p HTTP/1.1", "Host: h", "Transfer-Encoding:" + std::string{coding}, more},
                 "1\r\nA\r\n0\r\n\r\n");
  };
  expect_answers({
      {"empty, with a length", codes("", "Content-Length: 5"), "400 end"},
      {"thrice empty, with a length",
       lines({"POST / HTTP/1.1", "Host: h", "Content-Length: 9", "Transfer-Encoding:", "Transfer-Encoding:"},
             "1\r\nA\r\n0\r\n"),
       "400 end"},
      {"the head alone", sends(""), "504 end"},
      {"lower case", sends("a\r\n0123456789\r\n0\r\n\r\n"), "200"},
      {"upper case", sends("A\r\n0123456789\r\n0\r\n\r\n"), "200"},
      {"two digits", sends("1e\r\nthirty bytes, not one of them x\r\n0\r\n\r\n"), "400 end"},  // 32 came
      {"two digits, right", sends("1e\r\nthirty bytes, and none is an x\r\n0\r\n\r\n"), "200"},
      {"many zeroes end", sends("5\r\nhello\r\n6\r\n world\r\n000\r\n\r\n"), "200"},
      {"trailers", sends("5\r\nhello\r\n0\r\nVary: *\r\nEtag: x\r\n\r\n"), "200"},
      {"a trailer that is refused here", sends("5\r\nhello\r\n0\r\nContent-Type: text/plain\r\n\r\n"),
       "400 end"},
      {"extensions", sends("5;love;so=much;a=bc\r\nhello\r\n6;b;c\r\n world\r\n0\r\n\r\n"), "200"},
      {"extensions, quoted", sends("5;l=\"I \\\"l\\\"; \\\\e\\\\\";s=\"a\";b;f=g\r\nhello\r\n0\r\n\r\n"),
       "200"},
      {"extensions, the quote left open", sends("5;l=\"a\";s=\"b; c\r\nhello\r\n0\r\n\r\n"), "400 end"},
      {"no semicolon", sends("2 erf\r\naa\r\n0 rr\r\n\r\n"), "400 end"},
      {"nothing behind the semicolon", sends("2;\r\naa\r\n0\r\n\r\n"), "400 end"},
      {"nothing behind the equals sign", sends("2;a=\r\naa\r\n0\r\n\r\n"), "400 end"},
      {"pigeons", codes(" pigeons"), "400 end"},
      {"identity and a length", codes(" identity", "Content-Length: 5"), "400 end"},
      {"identity", codes(" identity"), "400 end"},
      {"chunked is not last", codes(" chunked, deflate"), "400 end"},
      {"chunked is last", codes(" deflate, chunked"), "501 end"},
      {"chunked is last, of two fields", codes(" deflate", chunked), "400 end"},
      {"chunked is not last, of two fields", codes(" chunked", "Transfer-Encoding: deflate"), "400 end"},
      {"it only begins like chunked", codes(" chunkedchunked"), "400 end"},
      {"it only ends like chunked", codes(" 2chunked"), "400 end"},
      {"a space in the middle", codes(" chun ked"), "400 end"},
      {"spaces behind", codes(" chunked  \t"), "200"},
      {"no space before", codes("chunked"), "200"},
      {"a space between size and line end", sends("a \r\n0123456789\r\n0\r\n\r\n"), "400 end"},
      {"a line feed where its carriage return should be", sends("a\n0123456789\r\n0\r\n\r\n"), "400 end"},
      {"data longer than its size", sends("2\r\naaa\r\n0\r\n\r\n"), "400 end"},
      {"a space before the size", sends(" 1\r\nA\r\n0\r\n\r\n"), "400 end"},
      {"a sign", sends("-1\r\nA\r\n0\r\n\r\n"), "400 end"},
      {"another request in an extension", sends("1;\nGET /evil HTTP/1.1\r\nHost: h\r\n\r\n"), "400 end"},
      {"a size of too many digits", sends("10000000000000001\r\nA\r\n0\r\n\r\n"), "400 end"},
  });
}

TEST(Corpora, llhttp_invalid) {
  const auto gets = [](std::string_view line, std::string_view version = "HTTP/1.1") {
    return lines({"GET /a/b " + std::string{version}, line, "Host: h"});
  };
  expect_answers({
      {"another protocol", gets("X: y", "ICE/1.0"), "400 end"},
      {"a letter before the protocol", gets("X: y", "IHTTP/1.0"), "400 end"},
      {"RTSP", gets("X: y", "RTSP/1.0"), "400 end"},
      {"a method of RTSP", lines({"ANNOUNCE /a HTTP/1.0"}), "501 end"},
      {"fields parted by CR", gets("Foo: 1\rBar: 2"), "400 end"},
      {"fields parted by LF", gets("x:x\nTransfer-Encoding: chunked"), "400 end"},
      {"an empty field and CR", gets("x:\rTransfer-Encoding: chunked"), "400 end"},
      {"an empty field and LF", gets("x:\nTransfer-Encoding: chunked"), "400 end"},
      {"the empty line, broken", "GET / HTTP/1.1\r\nHost: a\r\n\rZGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
       "400 end"},
      {"an at sign in a name", gets("Fo@: x"), "400 end"},
      {"a control in a name", gets("Foo\x01t: x"), "400 end"},
      {"an empty name", gets(": x"), "400 end"},
      {"a method and a letter", lines({"MKCOLA / HTTP/1.1", "Host: h"}), "501"},
      {"a name that is folded", gets("name\r\n : value"), "400 end"},
      {"a broken Connection",
       gets("Connection\r\x1b\x35\xd5"
            "eep-Alive"),
       "400 end"},
      {"a broken name",
       gets("X-Header\r\x1b\x35\xd5"
            "eep-Alive: x"),
       "400 end"},
      {"a length behind a bare LF", gets("D: x\nContent-Length: 23"), "400 end"},
      {"version 5.6", "GET / HTTP/5.6\r\n\r\n", "505 end"},
      {"version 5.6, and no more", "GET / HTTP/5.6", ""},
      {"a space behind the request line", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", "400 end"},
      {"only line feeds", "POST / HTTP/1.1\nTransfer-Encoding: chunked\nHost: h\n\n1\nA\n0\n\n", "400 end"},
      {"a space before a length", gets("Foo: bar\r\n Content-Length: 38"), "400 end"},
  });
}

TEST(Corpora, llhttp_length_method_and_uri) {
  const auto long_as = [](std::string_view field, std::string_view more = "X: y") {
    return lines({"PUT /u HTTP/1.1", "Host: h", field, more}, "abc");
  };
  const auto asks = [](std::string_view target) {
    return lines({"GET " + std::string{target} + " HTTP/1.1", "Host: hypnotoad.org"});
  };
  expect_answers({
      {"leading zeroes", long_as("Content-Length: 003"), "200"},
      {"no space", long_as("Content-Length:3"), "200"},
      {"too large for 64 bits", long_as("Content-Length: 1000000000000000000000"), "400 end"},
      {"twice", long_as("Content-Length: 3", "Content-Length: 3"), "400 end"},
      {"twice, with a chunked body", long_as("Content-Length: 3", chunked), "400 end"},
      {"a space in the digits", long_as("Content-Length: 4 2"), "400 end"},
      {"letters behind", long_as("Content-Length: 3 not"), "400 end"},
      {"spaces behind", long_as("Content-Length: 3  "), "200"},
      {"a space before the colon", long_as("Content-Length : 3"), "400 end"},
      {"empty", long_as("Content-Length:"), "400 end"},
      {"a plus", long_as("Content-Length: +3"), "400 end"},
      {"a longer name", long_as("Content-Length: 3", "Content-Length-X: 9"), "200"},
      {"folded", long_as("Content-Length:\r\n 3"), "400 end"},
      {"a method that is known to WebDAV", lines({"REPORT /t HTTP/1.1", "Host: h"}), "501"},
      {"M-SEARCH", lines({"M-SEARCH * HTTP/1.1", "Host: h"}), "400 end"},
      {"PATCH", lines({"PATCH /f HTTP/1.1", "Host: h", "Content-Length: 3"}, "abc"), "200"},
      {"PRI", "PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n", "400 end"},
      {"CONNECT with letters behind", "CONNECT 0-home.netscape.com:443 HTTP/1.0\r\nX: y\r\n\r\nbody",
       "405 end"},
      {"CONNECT and caps", lines({"CONNECT HOME0.NETSCAPE.COM:443 HTTP/1.0"}), "405 end"},
      {"quotes in a target", asks("/with_\"stupid\"_quotes?foo=\"bar\""), "200"},
      {"a fragment", asks("/forums/1/topics/2375?page=1#posts-17408"), "400 end"},
      {"a question mark in the query", asks("/test.cgi?foo=bar?baz"), "200"},
      {"host and empty query", asks("http://hypnotoad.org?hail=all"), "200"},
      {"host and port and empty query", asks("http://hypnotoad.org:1234?hail=all"), "400 end"},
      {"host and port", asks("http://hypnotoad.org:80"), "200"},
      {"a tab in a target", asks("/foo\tbar"), "400 end"},
      {"a form feed in a target", asks("/foo\fbar"), "400 end"},
      {"a proxy's target", asks("http://hypnotoad.org/"), "200"},
      {"user information", asks("http://a%12:b!&*$@hypnotoad.org:1234/toto"), "400 end"},
      {"letters of UTF-8", asks("/\xce\xb4\xc2\xb6/\xce\xb4t/pope?q=1"), "400 end"},
      {"spaces", asks("/foo bar/"), "400 end"},
      {"no target", lines({"GET HTTP/1.1", "Host: h"}), "400 end"},
  });
}

TEST(Corpora, llhttp_samples_and_connection) {
  const auto says = [](std::string_view connection, std::string_view version = "HTTP/1.1") {
    return lines({"GET /c " + std::string{version}, "Host: h", "Connection:" + std::string{connection}});
  };
  const std::string other = lines({"GET /o HTTP/1.1", "Host: h"});
  expect_answers({
      {"an equals sign in Host", lines({"GET /t HTTP/1.1", "Host: 0.0.0.0=5000", "Accept: */*"}), "200"},
      {"names and values of any kind", lines({"GET /d HTTP/1.1", "aaaaaaaaaaaaa:++++++++++", "Host: h"}),
       "200"},
      {"no Host", lines({"GET /d HTTP/1.1"}), "400 end"},
      {"Host of 1.0", lines({"GET /t HTTP/1.0", "Host: 0.0.0.0:5000"}), "200 end"},
      {"an empty line before", "\r\n" + other, "200"},
      {"no version", "GET /\r\n\r\n", "400 end"},
      {"folded values", lines({"GET / HTTP/1.1", "Host: h", "Line1:   abc", "\tdef"}), "400 end"},
      {"obs-text", lines({"GET / HTTP/1.1", "Host: h", "Test: D\xc3\xbcsseldorf", "X: \xffV"}), "200"},
      {"keep-alive", says(" keep-alive") + other, "200 200"},
      {"keep-alive on 1.0", says(" Keep-Alive", "HTTP/1.0") + lines({"GET /o HTTP/1.0"}), "200 200 end"},
      {"close", says(" close") + other, "200 end"},
      {"close in a list", says(" Upgrade, close ,x") + other, "200 end"},
      {"close and keep-alive", says(" keep-alive, close") + other, "200 end"},
      {"close in the first of two", says(" close\r\nConnection: Upgrade") + other, "200 end"},
      {"a word that holds close", says(" closed, xclose") + other, "200 200"},
      {"an empty list", says(" , ,") + other, "200 200"},
      {"Upgrade to what is not offered",
       lines({"GET /demo HTTP/1.1", "Host: h", "Connection: Upgrade", "Upgrade: WebSocket",
              "Sec-WebSocket-Key1: 4 @1 46546xW%0l 1 5"}) +
           other,
       "200 200"},
      {"Upgrade of a POST",
       lines({"POST /demo HTTP/1.1", "Host: h", "Connection: Upgrade", "Upgrade: HTTP/2.0",
              "Content-Length: 15"},
             "sweet post body") +
           other,
       "200 200"},
      {"pipelined with bodies",
       lines({"POST /1 HTTP/1.1", "Host: h", "Content-Length: 3"}, "AAA") +
           lines({"PUT /2 HTTP/1.1", "Host: h", "Content-Length: 4"}, "BBBB") + other,
       "200 200 200"},
      {"a body that is longer than its length",
       lines({"POST /1 HTTP/1.1", "Host: h", "Content-Length: 3"}, "AAABB:x\r\n\r\n"), "200 400 end"},
  });
}

TEST(Corpora, picohttpparser) {
  const auto with = [](std::string_view field) {
    return "GET /p HTTP/1.0\r\n" + std::string{field} + "\r\n\r\n";
  };
  expect_answers({
      {"no field", "GET / HTTP/1.0\r\n\r\n", "200 end"},
      {"cut in the last line end", "GET / HTTP/1.0\r\n\r", ""},
      {"an empty value", with("Cookie: "), "200 end"},
      {"UTF-8 in a value", with("User-Agent: \xe3\x81\xb2\xe3/1.0"), "200 end"},
      {"folded", with("foo: b\r\n  \tc"), "400 end"},
      {"G", "G", ""},
      {"GET", "GET", ""},
      {"GET and a space", "GET ", ""},
      {"as far as the target", "GET /", ""},
      {"as far as the version", "GET / ", ""},
      {"as far as H", "GET / H", ""},
      {"as far as the point", "GET / HTTP/1.", ""},
      {"as far as the minor version", "GET / HTTP/1.0", ""},
      {"as far as CR", "GET / HTTP/1.0\r", ""},
      {"an empty name", with(":a"), "400 end"},
      {"a name of a space", with(" :a"), "400 end"},
      {"NUL in a method", std::string{"G\0T / HTTP/1.0\r\n\r\n", 18}, "400 end"},
      {"a tab in a method", "G\tT / HTTP/1.0\r\n\r\n", "400 end"},
      {"a colon as a method", ":GET / HTTP/1.0\r\n\r\n", "400 end"},
      {"DEL in a target", "GET /\x7fhello HTTP/1.0\r\n\r\n", "400 end"},
      {"NUL in a name", with(std::string_view{"a\0b: c", 6}), "400 end"},
      {"NUL in a value", with(std::string_view{"ab: c\0d", 7}), "400 end"},
      {"a control in a name",
       with("a\x1b"
            "b: c"),
       "400 end"},
      {"a control in a value", with("ab: c\x1b"), "400 end"},
      {"high bytes in a target", "GET /\xa0 HTTP/1.0\r\n\r\n", "400 end"},
      {"high bytes in a value", with("h: c\xa2y"), "200 end"},
      {"a bracket in a name", with("a[b: c"), "400 end"},
      {"a brace in a name", with("{: c"), "400 end"},
      {"spaces around a value", with("foo: a \t "), "200 end"},
      {"two spaces behind the method", "GET   /   HTTP/1.0\r\n\r\n", "400 end"},
  });
}

TEST(Corpora, picohttpparser_chunks) {
  const auto sends = [](std::string_view chunks) {
    return lines({"POST /c HTTP/1.1", "Host: h", chunked}, chunks);
  };
  expect_answers({
      {"one", sends("b\r\nhello world\r\n0\r\n\r\n"), "200"},
      {"two", sends("6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n"), "200"},
      {"a comment", sends("6;comment=hi\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n"), "200"},
      {"trailers", sends("6\r\nhello \r\n5\r\nworld\r\n0\r\na: b\r\nc: d\r\n\r\n"), "200"},
      {"no empty line yet", sends("b\r\nhello world\r\n0\r\n"), "504 end"},
      {"a comment with a bare LF", sends("6;comment\nhello \r\n0\r\n\r\n"), "400 end"},
      {"no digit", sends("z\r\nabcdefg"), "400 end"},
      {"a digit too many", sends("6\r\nhello \r\nfffffffffffffffff\r\nabcdefg"), "400 end"},
      {"bare line feeds", sends("b\nhello world\n0\n\n"), "400 end"},
      {"data that does not end", sends("1x\r\na\r\n0\r\n\r\n"), "400 end"},
  });
}

TEST(Corpora, gunicorn_invalid) {
  const auto with = [](std::string_view line) { return lines({"GET /g HTTP/1.1", "Host: h", line}); };
  const auto sends = [](std::string_view chunks) {
    return lines({"POST /c HTTP/1.1", "Host: h", chunked}, chunks);
  };
  expect_answers({
      {"a line with one word", "GET\r\n\r\n", "400 end"},
      {"a version before the target", "GET HTTP/1.1 /x\r\nHost: h\r\n\r\n", "400 end"},
      {"a space in a name", with("Foo Bar: x"), "400 end"},
      {"an exponent", with("Content-Length: 1e3"), "400 end"},
      {"digits of another script", with("Content-Length: \xd9\xa1\xd9\xa2"), "400 end"},
      {"an underscore between digits", with("Content-Length: 1_2"), "400 end"},
      {"a negative length", with("Content-Length: -1"), "400 end"},
      {"chunked twice", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), "400 end"},
      {"chunked in 1.0", lines({"POST / HTTP/1.0", chunked}, "0\r\n\r\n"), "400 end"},
      {"an underscore for a hyphen", with("Transfer_Encoding: chunked"), "400 end"},
      {"a vertical tab before chunked",
       with("Transfer-Encoding: \x0b"
            "chunked"),
       "400 end"},
      {"a no-break space behind chunked", with("Transfer-Encoding: chunked\xc2\xa0"), "400 end"},
      {"quotes around chunked", with("Transfer-Encoding: \"chunked\""), "400 end"},
      {"a size with an underscore", sends("6_0\r\nhello \r\n0\r\n\r\n"), "400 end"},
      {"a size with 0x", sends("0x6\r\nhello \r\n0\r\n\r\n"), "400 end"},
      {"a size with a plus", sends("+6\r\nhello \r\n0\r\n\r\n"), "400 end"},
      {"no size", sends("\r\nhello\r\n0\r\n\r\n"), "400 end"},
      {"spaces for a size", sends("  \r\nhello\r\n0\r\n\r\n"), "400 end"},
      {"other bytes where a line should end", sends("5\r\nhelloXX0\r\n\r\n"), "400 end"},
      {"CR in an extension", sends("5;a\rb\r\nhello\r\n0\r\n\r\n"), "400 end"},
      {"no last line end", sends("5\r\nhello\r\n0\r\nX: y\r\nHost: evil\r\n\r\n"), "400 end"},
      {"an accent in a method", "GET\xc3\xa9 / HTTP/1.1\r\nHost: h\r\n\r\n", "400 end"},
      {"an accent in a name", with("F\xc3\xb6o: x"), "400 end"},
      {"a bell in a value", with("X: a\x07"), "400 end"},
      {"a NUL behind a value", with(std::string_view{"X: a\0", 5}), "400 end"},
      {"a space before the colon", with("Host : evil"), "400 end"},
      {"a line feed alone behind a name", with("X\n: y"), "400 end"},
      {"a lower-case method", "get / HTTP/1.1\r\nHost: h\r\n\r\n", "501"},
      {"a method of marks", "$$$ / HTTP/1.1\r\nHost: h\r\n\r\n", "501"},
      {"a bracket in a method", "[GET] / HTTP/1.1\r\nHost: h\r\n\r\n", "400 end"},
      {"a version in letters", "GET / HTTP/one\r\nHost: h\r\n\r\n", "400 end"},
      {"a version too far", "GET / HTTP/99.99\r\nHost: h\r\n\r\n", "400 end"},
      {"an asterisk that is not for OPTIONS", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", "400 end"},
      {"an authority that is not for CONNECT", "GET h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n", "400 end"},
      {"a relative target", "GET index.html HTTP/1.1\r\nHost: h\r\n\r\n", "400 end"},
      {"a PROXY line that was not asked for",
       "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "400 end"},
  });
}

TEST(Corpora, gunicorn_valid) {
  expect_answers({
      {"many fields",
       lines({"PUT /stuff HTTP/1.1", "SERVER: x", "host: h", "CONTENT-LENGTH: 14"}, "{\"nom\": \"nom\"}"),
       "200"},
      {"an escaped slash", lines({"GET /first%2Fsecond HTTP/1.1", "Host: h"}), "200"},
      {"a query of all marks", lines({"GET /x?a=1&b[]=2;c=~!@$^*()_+{}|:<>,. HTTP/1.1", "Host: h"}), "200"},
      {"OPTIONS of the server", lines({"OPTIONS * HTTP/1.1", "Host: h"}), "204"},
      {"a name with every mark", lines({"GET / HTTP/1.1", "Host: h", "!#$%&'*+-.^_`|~09azAZ: x"}), "200"},
      {"a colon in a value", lines({"GET / HTTP/1.1", "Host: h", "X: a:b: c"}), "200"},
      {"IPv6", lines({"GET http://[::1]:8000/x HTTP/1.1", "Host: [::1]:8000"}), "200"},
      {"two empty lines before", "\r\n\r\n" + lines({"GET / HTTP/1.1", "Host: h"}), "200"},
      {"chunked, then another",
       lines({"POST /c HTTP/1.1", "Host: h", chunked}, "5\r\nhello\r\n000\r\n\r\n") +
           lines({"GET /d HTTP/1.1", "Host: h"}),
       "200 200"},
  });
}

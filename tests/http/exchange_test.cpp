#include <weft/http/exchange.hpp>

#include <gtest/gtest.h>

#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "conversation.hpp"
#include "scripted_transport.hpp"

using namespace weft::http;
using detail::exchange;
using detail::service;

namespace {

router test_routes() {
  router r;
  r.get("/", precompiled{status::ok, "text/plain", "Hello, World!"});
  r.get("/json", [](request&, response& s) { s.json("{}"); });
  r.get("/users/{id}", [](request& q, response& s) -> weft::result<void> {
    const int id = WEFT_TRY(q.param<int>("id"));
    s.text("user " + std::to_string(id));
    return {};
  });
  r.get("/names/{name}", [](request& q, response& s) { s.text(q.param("name")); });
  r.get("/files/{path...}", [](request& q, response& s) { s.text(q.path()); });
  r.get("/query", [](request& q, response& s) { s.text(q.query("a").value_or("none")); });
  r.get("/cookie", [](request& q, response& s) { s.text(q.cookie("b").value_or("none")); });
  r.get("/missing",
        [](request&, response&) -> weft::result<void> { return std::unexpected(status::not_found); });
  r.get("/late", [](request&, response&) -> weft::result<void> {
    return std::unexpected(weft::errc::deadline_exceeded);
  });
  r.get("/fails", [](request&, response&) -> weft::result<void> {
    return std::unexpected(std::make_error_code(std::errc::io_error));
  });
  r.get("/throws", [](request&, response&) { throw std::runtime_error{"oops"}; });
  r.get("/starves", [](request&, response&) { throw std::bad_alloc{}; });
  r.get("/spoilt", [](request&, response& s) { s.header("x", "a\r\nSet-Cookie: b").text("x"); });
  r.get("/framed", [](request&, response& s) { s.header("content-length", "3").text("x"); });
  r.get("/closes", [](request&, response& s) { s.header("connection", "close").text("x"); });
  r.get("/empty", [](request&, response& s) { s.status(status::no_content); });
  r.get("/html", [](request&, response& s) { s.header("X-A", "b").body("<p>", "text/html"); });
  r.get("/fixed", [](request&, response& s) { s.send(precompiled{status::accepted, "text/x", "fixed"}); });
  r.post("/echo", [](request& q, response& s) -> weft::result<void> {
    s.text(WEFT_TRY(q.body()));
    return {};
  });
  r.post("/small",
         [](request& q, response& s) -> weft::result<void> {
           s.text(WEFT_TRY(q.body()));
           return {};
         },
         {.deadline = std::chrono::seconds{20}, .body_max = 10});
  r.post("/ignore", [](request&, response& s) { s.text("ignored"); });
  r.post("/count", [](request& q, response& s) -> weft::result<void> {
    std::byte buffer[7];
    std::size_t sum = 0;
    while (const std::size_t n = WEFT_TRY(q.read(buffer))) sum += n;
    s.text(std::to_string(sum));
    return {};
  });
  r.get("/stream", [](request&, response& s) -> weft::result<void> {
    WEFT_TRY(s.write(std::string_view{"abc"}));
    WEFT_TRY(s.write(std::string_view{"0123456789abcdef0"}));
    return {};
  });
  r.get("/measured", [](request& q, response& s) -> weft::result<void> {
    s.content_length(5);
    WEFT_TRY(s.write(std::string_view{"abc"}));
    if (q.query("short")) return {};
    if (q.query("long")) return s.write(std::string_view{"def"});
    return s.write(std::string_view{"de"});
  });
  r.get("/announced", [](request&, response& s) { s.content_length(5).header("x", "y"); });
  r.get("/cut", [](request&, response& s) -> weft::result<void> {
    WEFT_TRY(s.write(std::string_view{"abc"}));
    return std::unexpected(weft::errc::limit);
  });
  r.get("/stopped", [](request&, response& s) -> weft::result<void> {
    WEFT_TRY(s.write(std::string_view{"abc"}));
    return std::unexpected(weft::errc::canceled);
  });
  return r;
}

struct conversation {
  std::string received;
  unsigned sends = 0;
  std::size_t largest_send = 0;
  bool lingers = false;
};

std::vector<std::string> reports;

struct world {
  service of{test_routes()};
  detail::date_cache date;
  detail::server_counters counts;
  exchange e{of, date, counts};

  world() {
    reports.clear();
    of.report = [](void*, std::string_view text) { reports.emplace_back(text); };
  }

  conversation talk(std::vector<std::string> pieces, bool stays_silent = false) {
    scripted_transport peer{std::move(pieces)};
    peer.stays_silent = stays_silent;
    peer.drive(e);
    return {peer.received, peer.sends, peer.largest_send, e.wants_linger()};
  }
};

std::string ask(std::vector<std::string> pieces) {
  world w;
  return without_dates(w.talk(std::move(pieces)).received);
}
std::string ask(const std::string& bytes) { return ask(std::vector{bytes}); }

std::string text_answer(std::string_view body, std::string_view extra = "") {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + std::string{extra} + "\r\n" + std::string{body};
}
const std::string hello =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!";

}  // namespace

TEST(Exchange, answers_fixed_and_handled_routes) {
  EXPECT_EQ(ask(get("/")), hello);
  EXPECT_EQ(ask(get("/json")),
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_EQ(ask(get("/html")),
            "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n<p>");
  EXPECT_EQ(ask(get("/fixed")),
            "HTTP/1.1 202 Accepted\r\nContent-Type: text/x\r\nContent-Length: 5\r\n\r\nfixed");
  EXPECT_EQ(ask(get("/empty")), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(ask(get("/users/42")), text_answer("user 42"));
  EXPECT_EQ(statuses(ask(get("/users/4x"))), "400 end");
  EXPECT_EQ(ask(get("/names/a%20%2Fb")), text_answer("a /b"));
  EXPECT_EQ(ask(get("/names/a%252Fb%2525")), text_answer("a%2Fb%25"));  // decoded once
  EXPECT_EQ(ask(get("/files/a%20b%2fc")), text_answer("/files/a b%2Fc"));
  EXPECT_EQ(ask(get("/query?b=1&a=x+%79&a=2")), text_answer("x y"));
  EXPECT_EQ(ask(get("/query?b=1&a=%zz")), text_answer("none"));
  EXPECT_EQ(ask(get("/cookie", "Cookie: a=1; b=2\r\n")), text_answer("2"));
  EXPECT_EQ(ask(post("/echo", "hello")), text_answer("hello"));
}

TEST(Exchange, answers_what_is_not_there) {
  EXPECT_EQ(statuses(ask(get("/nothing") + get("/"))), "404 200");
  EXPECT_EQ(statuses(ask(get("/missing") + get("/"))), "404 200");
  EXPECT_EQ(statuses(ask(get("/late"))), "504");
  const std::string refused = ask("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n" + get("/"));
  EXPECT_EQ(statuses(refused), "405 200");
  EXPECT_NE(refused.find("Allow: GET, HEAD, OPTIONS\r\n"), refused.npos);
  EXPECT_EQ(statuses(ask("BREW / HTTP/1.1\r\nHost: a\r\n\r\n" + get("/"))), "501 200");
  EXPECT_EQ(statuses(ask("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n" + get("/"))), "405 200");
  EXPECT_EQ(statuses(ask(get("/%zz") + get("/"))), "400 end");
  EXPECT_EQ(statuses(ask(get("/%00"))), "400 end");
}

TEST(Exchange, answers_options_and_head_by_itself) {
  EXPECT_EQ(ask("OPTIONS /echo HTTP/1.1\r\nHost: a\r\n\r\n"),
            "HTTP/1.1 204 No Content\r\nAllow: POST, OPTIONS\r\n\r\n");
  EXPECT_EQ(statuses(ask("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")), "204");
  const std::string head = ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(head, hello.substr(0, hello.size() - 13));
  EXPECT_EQ(ask("HEAD /json HTTP/1.1\r\nHost: a\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n");
}

TEST(Exchange, reports_what_a_handler_did_wrong) {
  EXPECT_EQ(statuses(ask(get("/throws") + get("/"))), "500 200");
  EXPECT_EQ(reports, std::vector<std::string>{"http: GET /throws: oops"});
  EXPECT_EQ(statuses(ask(get("/starves") + get("/"))), "503 200");  // as a limit that is reached
  EXPECT_EQ(reports, std::vector<std::string>{"http: GET /starves: std::bad_alloc"});
  EXPECT_EQ(statuses(ask(get("/fails"))), "500");
  EXPECT_EQ(reports, std::vector<std::string>{"http: GET /fails: " +
                                              std::make_error_code(std::errc::io_error).message()});
  EXPECT_EQ(statuses(ask(get("/missing") + get("/late"))), "404 504");
  EXPECT_EQ(reports.size(), 0u);
  const std::string spoilt = ask(get("/spoilt"));
  EXPECT_EQ(statuses(spoilt), "500");
  EXPECT_EQ(spoilt.find("Set-Cookie"), spoilt.npos);
  EXPECT_EQ(statuses(ask(get("/framed"))), "500");
}

TEST(Exchange, keeps_or_ends_the_connection_as_the_version_says) {
  EXPECT_EQ(statuses(ask(get("/", "Connection: close\r\n") + get("/"))), "200 end");
  EXPECT_EQ(statuses(ask(get("/", "Connection: x, Close\r\n") + get("/"))), "200 end");
  EXPECT_EQ(statuses(ask("GET / HTTP/1.0\r\n\r\n" + get("/"))), "200 end");
  EXPECT_EQ(statuses(ask(get("/closes") + get("/"))), "200 end");
  const std::string kept = ask("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /json HTTP/1.0\r\n\r\n");
  EXPECT_EQ(statuses(kept), "200 200 end");
  EXPECT_NE(kept.find("Connection: keep-alive\r\n"), kept.npos);
  EXPECT_EQ(statuses(ask("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n" + get("/"))), "200 end");
}

TEST(Exchange, ends_connections_while_draining) {
  world w;
  w.of.draining.store(true);
  EXPECT_EQ(statuses(w.talk({get("/") + get("/")}).received), "200 end");
  EXPECT_EQ(statuses(w.talk({get("/json") + get("/")}).received), "200 end");
}

TEST(Exchange, answers_all_of_one_read_with_one_send) {
  world w;
  std::string pipeline;
  std::string expected;
  for (int i = 0; i < 16; ++i) {
    pipeline += i % 3 == 0 ? get("/json") : i % 3 == 1 ? get("/") : post("/echo", std::to_string(i));
    expected += i % 3 == 0 ? ask(get("/json")) : i % 3 == 1 ? hello : text_answer(std::to_string(i));
  }
  const conversation c = w.talk({pipeline, pipeline});
  EXPECT_EQ(without_dates(c.received), expected + expected);
  EXPECT_EQ(c.sends, 2u);
}

TEST(Exchange, answers_malformed_requests_after_those_before_and_lingers) {
  for (const char* bad :
       {"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n", "\x16\x03\x01", "GET /\r\n"}) {
    world w;
    const conversation c = w.talk({get("/") + get("/json") + bad + get("/")});
    EXPECT_EQ(statuses(c.received), "200 200 400 end") << bad;
    EXPECT_EQ(c.sends, 1u);
  }
  EXPECT_EQ(statuses(ask("GET / HTTP/2.0\r\n\r\n")), "505 end");
  EXPECT_EQ(statuses(ask("GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n")), "414 end");
  EXPECT_EQ(statuses(ask(get("/", "A: " + std::string(20'000, 'x') + "\r\n"))), "431 end");
  world w;
  EXPECT_TRUE(w.talk({"x\r\n\r\n"}, /*stays_silent=*/true).lingers);
}

TEST(Exchange, gives_half_closed_clients_their_answers) {
  EXPECT_EQ(ask({get("/"), get("/json")}), hello + ask(get("/json")));
  EXPECT_EQ(statuses(ask(get("/") + "GET /")), "200 400 end");
  EXPECT_EQ(statuses(ask(get("/") + "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345")),
            "200 400 end");
  EXPECT_EQ(ask(std::vector<std::string>{}), "");
}

TEST(Exchange, limits_bodies) {
  EXPECT_EQ(ask(post("/small", "0123456789")), text_answer("0123456789"));
  EXPECT_EQ(statuses(ask(post("/small", "0123456789a") + get("/"))), "413 end");
  EXPECT_EQ(statuses(ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999999\r\n\r\n")),
            "413 end");
  EXPECT_EQ(statuses(ask("POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                         "chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n" +
                         get("/"))),
            "413 end");
}

TEST(Exchange, reads_bodies_of_every_size_and_kind) {
  for (const std::size_t size : {0u, 1u, 100u, 4096u, 20'000u, 70'000u, 1u << 20}) {
    std::string body(size, 'b');
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + i % 23);
    EXPECT_EQ(ask(post("/echo", body) + get("/")), text_answer(body) + hello) << size;
    EXPECT_EQ(ask(post("/count", body) + get("/")), text_answer(std::to_string(size)) + hello) << size;
    std::string chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t at = 0; at < size; at += 5000) {
      const std::string chunk = body.substr(at, 5000);
      char digits[8];
      std::snprintf(digits, sizeof digits, "%zx", chunk.size());
      chunked += std::string{digits} + "\r\n" + chunk + "\r\n";
    }
    chunked += "0\r\n\r\n";
    EXPECT_EQ(ask(chunked + get("/")), text_answer(body) + hello) << size;
  }
}

TEST(Exchange, skips_bodies_that_nobody_reads) {
  EXPECT_EQ(statuses(ask(post("/ignore", std::string(100'000, 'x')) + get("/"))), "200 200");
  EXPECT_EQ(statuses(ask(post("/nothing", std::string(100'000, 'x')) + get("/"))), "404 200");
  EXPECT_EQ(statuses(ask(get("/", "Content-Length: 3\r\n") + "xyz" + get("/json"))), "200 200");
  EXPECT_EQ(statuses(ask(post("/ignore", std::string(300'000, 'x')) + get("/"))), "200 end");
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  EXPECT_EQ(statuses(ask(get("/", chunked) + "3\r\nxyz\r\n0\r\n\r\n" + get("/json"))), "200 200");
  EXPECT_EQ(statuses(ask({get("/", chunked) + "3\r\nx", "yz\r\n0\r\n\r\n" + get("/json")})), "200 end");
  EXPECT_EQ(statuses(ask(get("/", chunked) + "z\r\n" + get("/json"))), "200 end");
}

TEST(Exchange, says_100_when_a_body_is_asked_for_and_not_before) {
  const std::string head =
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
  EXPECT_EQ(ask({head, "hello" + get("/")}), "HTTP/1.1 100 Continue\r\n\r\n" + text_answer("hello") + hello);
  EXPECT_EQ(ask(head + "hello"), text_answer("hello"));
  EXPECT_EQ(
      statuses(ask({"POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
                    get("/")})),
      "200 end");
  EXPECT_EQ(
      statuses(ask(
          {"POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", get("/")})),
      "404 end");
}

TEST(Exchange, sends_what_is_ready_before_it_waits_for_a_body) {
  world w;
  const conversation c =
      w.talk({get("/") + "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "hello"});
  EXPECT_EQ(without_dates(c.received), hello + text_answer("hello"));
  EXPECT_EQ(c.sends, 2u);
}

TEST(Exchange, gives_a_handler_the_deadline_of_its_route_and_no_other) {
  world w;
  scripted_transport peer{{}};
  for (const auto& [bytes, limited] : {std::pair{post("/small", "123"), true},
                                       {post("/echo", "123"), false},
                                       {get("/json"), false},
                                       {post("/small", "456"), true}}) {
    w.e.begin(peer);
    std::memcpy(w.e.input_space().data(), bytes.data(), bytes.size());
    w.e.received(bytes.size() - 1);  // the end of the head is what counts
    if (bytes.starts_with("GET")) w.e.received(1);
    const weft::deadline before{std::chrono::seconds{20}};
    ASSERT_EQ(w.e.advance(), exchange::next::handle) << bytes;
    const weft::deadline until = w.e.handler_until(), after{std::chrono::seconds{20}};
    EXPECT_EQ(!until.is_never(), limited) << bytes;
    if (limited) EXPECT_TRUE(before <= until && until <= after);
    if (!bytes.starts_with("GET")) w.e.received(1);
    w.e.run_handler();
  }
}

TEST(Exchange, answers_408_for_a_body_that_does_not_come) {
  world w;
  w.of.limits.request = std::chrono::nanoseconds{1};
  EXPECT_EQ(statuses(w.talk({"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel"},
                            /*stays_silent=*/true)
                         .received),
            "408 end");
}

TEST(Exchange, streams) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(ask(get("/stream") + get("/")),
            head + "3\r\nabc\r\n11\r\n0123456789abcdef0\r\n0\r\n\r\n" + hello);
  EXPECT_EQ(ask("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc0123456789abcdef0");
  EXPECT_EQ(ask("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n" + get("/")), head + hello);
}

TEST(Exchange, does_not_chunk_a_stream_of_known_length) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n";
  EXPECT_EQ(ask(get("/measured") + get("/")), head + "\r\nabcde" + hello);
  EXPECT_EQ(ask("GET /measured HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + get("/")),
            head + "Connection: keep-alive\r\n\r\nabcde" + hello);
  EXPECT_EQ(ask("HEAD /measured HTTP/1.1\r\nHost: a\r\n\r\n" + get("/")), head + "\r\n" + hello);
}

TEST(Exchange, sends_no_more_and_no_less_than_the_length_it_gave) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  EXPECT_EQ(ask(get("/measured?short") + get("/")), head + "abc");
  EXPECT_EQ(reports.size(), 1u);
  EXPECT_EQ(ask(get("/measured?long") + get("/")), head + "abc");
  EXPECT_EQ(reports.size(), 1u);
}

TEST(Exchange, lets_a_length_without_a_body_stand_for_head_only) {
  EXPECT_EQ(ask("HEAD /announced HTTP/1.1\r\nHost: a\r\n\r\n" + get("/")),
            "HTTP/1.1 200 OK\r\nx: y\r\nContent-Length: 5\r\n\r\n" + hello);
  EXPECT_EQ(statuses(ask(get("/announced"))), "500");
}

TEST(Exchange, cuts_a_stream_that_fails_and_reports_it_unless_it_was_stopped) {
  for (const char* target : {"/cut", "/stopped"}) {
    const std::string cut = ask(get(target) + get("/"));
    EXPECT_NE(cut.find("3\r\nabc\r\n"), cut.npos);
    EXPECT_EQ(cut.find("0\r\n\r\n"), cut.npos);
    EXPECT_EQ(reports.size(), target == std::string_view{"/cut"} ? 1u : 0u);
  }
}

TEST(Exchange, stops_parsing_while_much_output_waits) {
  world w;
  std::string pipeline;
  for (int i = 0; i < 100'000; ++i) pipeline += get("/");
  const conversation c = w.talk({pipeline});
  EXPECT_EQ(without_dates(c.received).size(), 100'000 * hello.size());
  EXPECT_LT(c.largest_send, w.of.limits.output_max + 4096);
}

TEST(Exchange, stops_when_nothing_can_be_sent) {
  world w;
  scripted_transport peer{{post("/echo", "x"), get("/")}};
  peer.gone = true;
  peer.drive(w.e);
  EXPECT_EQ(peer.received, "");
}

// The same bytes in any pieces give the same responses; what differs is only where a 100 is needed, and no
// request here asks for one.
TEST(Exchange, answers_the_same_however_the_bytes_are_split) {
  std::mt19937 random{5};
  const std::string bytes = get("/") + post("/echo", std::string(3000, 'e')) + "\r\n" + get("/users/1") +
                            post("/ignore", "12345") +
                            "POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                            "chunked\r\n\r\n4;a=b\r\nabcd\r\n0\r\nx: y\r\n\r\n" +
                            get("/stream") + "HEAD /json HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" +
                            get("/nothing") + "BAD\r\n\r\n";
  const std::string whole = ask(bytes);
  EXPECT_EQ(ask(single_bytes(bytes)), whole);
  for (int round = 0; round < 200; ++round)
    ASSERT_EQ(ask(random_pieces(bytes, random, round % 2 == 0 ? 40 : 1500)), whole);
}

TEST(Exchange, is_idle_between_requests_only) {
  world w;
  scripted_transport peer{{}};
  w.e.begin(peer);
  EXPECT_TRUE(w.e.idle());
  const std::string bytes = post("/ignore", "123");
  std::memcpy(w.e.input_space().data(), bytes.data(), bytes.size());
  w.e.received(bytes.size() - 1);
  ASSERT_EQ(w.e.advance(), exchange::next::handle);
  w.e.run_handler();
  ASSERT_EQ(w.e.advance(), exchange::next::write);
  w.e.sent();
  ASSERT_EQ(w.e.advance(), exchange::next::read);
  EXPECT_FALSE(w.e.idle());  // the last byte of the body is to come
  w.e.received(1);
  ASSERT_EQ(w.e.advance(), exchange::next::read);
  EXPECT_TRUE(w.e.idle());
}

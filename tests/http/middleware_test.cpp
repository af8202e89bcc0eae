#include <weft/http/middleware.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include <weft/http/request.hpp>
#include <weft/http/response.hpp>

#include "ask.hpp"

using namespace weft::http;
using weft::testing::ask;
using weft::testing::field_of;
using weft::testing::reported;
using weft::testing::request_text;

namespace {

// Writes down when it is called, and that it returns.
auto noted(std::string& notes, const std::string& name) {
  return [&notes, name](request&, response&, next n) -> weft::result<void> {
    notes += name + '(';
    const auto outcome = n();
    notes += ')';
    return outcome;
  };
}

// Sets a field before, and one after.
weft::result<void> frame(request&, response& s, next n) {
  s.header("Before", "1");
  const auto outcome = n();
  s.header("After", std::to_string(static_cast<int>(outcome ? s.status() : status_of(outcome.error()))));
  return outcome;
}

router framed() {
  router r;
  r.use(frame);
  r.get("/fixed", precompiled{status::accepted, "text/x", "fixed"});
  r.get("/text", [](request&, response& s) { s.header("Own", "1").text("text"); });
  r.get("/sent", [](request&, response& s) { s.send(precompiled{status::gone, "text/x", "sent"}); });
  r.get("/fails", [](request&, response& s) -> weft::result<void> {
    s.header("Own", "1").status(status::created).text("x");
    return std::unexpected(status::conflict);
  });
  r.get("/throws", [](request&, response& s) -> weft::result<void> {
    s.header("Own", "1");
    throw std::runtime_error{"oops"};
  });
  r.get("/spoilt", [](request&, response& s) { s.header("A", "b\r\nSet-Cookie: c"); });
  return r;
}

}  // namespace

TEST(Middleware, runs_from_the_outermost_to_the_innermost_wherever_use_stands) {
  std::string notes;
  router r;
  r.use(noted(notes, "a"));
  r.get("/", [&](request&, response&) { notes += "handler"; });
  router& g = r.group("/g");
  g.get("/", [&](request&, response&) { notes += "grouped"; });
  g.use(noted(notes, "g"));
  r.use(noted(notes, "b"));
  r.group("/other").get("/", [&](request&, response&) { notes += "other"; });
  ask(std::move(r), request_text("GET", "/") + request_text("GET", "/g/") + request_text("GET", "/other/"));
  EXPECT_EQ(notes, "a(b(handler))a(b(g(grouped)))a(b(other))");
}

TEST(Middleware, may_answer_in_the_handlers_stead) {
  std::string notes;
  router r;
  r.use([](request& q, response& s, next n) -> weft::result<void> {
    if (q.header("Let-Me")) return n();
    s.header("WWW-Authenticate", "Basic");
    return std::unexpected(status::unauthorized);
  });
  r.get("/", [&](request&, response&) { notes += "handler"; });
  const std::string all =
      ask(std::move(r), request_text("GET", "/") + request_text("GET", "/", "Let-Me: in\r\n"));
  EXPECT_TRUE(all.starts_with("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n")) << all;
  EXPECT_NE(all.find("HTTP/1.1 200 OK\r\n"), all.npos);
  EXPECT_EQ(notes, "handler");
}

TEST(Middleware, stands_around_precompiled_answers) {
  const std::string answer = ask(framed(), request_text("GET", "/fixed"));
  EXPECT_EQ(
      answer,
      "HTTP/1.1 202 Accepted\r\nBefore: 1\r\nAfter: 202\r\nContent-Type: text/x\r\nContent-Length: 5\r\n\r\n"
      "fixed");
  EXPECT_EQ(ask(framed(), request_text("HEAD", "/fixed")), answer.substr(0, answer.size() - 5));
  EXPECT_EQ(ask(framed(), request_text("GET", "/sent")),
            "HTTP/1.1 410 Gone\r\nBefore: 1\r\nAfter: 410\r\nContent-Type: text/x\r\nContent-Length: "
            "4\r\n\r\nsent");
}

TEST(Middleware, keeps_its_fields_when_the_handler_fails_and_drops_the_handlers) {
  EXPECT_EQ(
      ask(framed(), request_text("GET", "/text")),
      "HTTP/1.1 200 OK\r\nBefore: 1\r\nOwn: 1\r\nAfter: 200\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Length: 4\r\n\r\ntext");
  EXPECT_EQ(ask(framed(), request_text("GET", "/fails")),
            "HTTP/1.1 409 Conflict\r\nBefore: 1\r\nAfter: 409\r\nContent-Type: text/plain\r\n"
            "Content-Length: 9\r\n\r\nConflict\n");
  EXPECT_EQ(ask(framed(), request_text("GET", "/throws")),
            "HTTP/1.1 500 Internal Server Error\r\nBefore: 1\r\nContent-Type: text/plain\r\n"
            "Content-Length: 22\r\n\r\nInternal Server Error\n");
  EXPECT_EQ(reported, std::vector<std::string>{"http: GET /throws: oops"});
  // A body that nobody wants is no reason for another status.
  const std::string large = "PUT /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n";
  EXPECT_TRUE(ask(framed(), large).starts_with("HTTP/1.1 404 "));
  const std::string spoilt = ask(framed(), request_text("GET", "/spoilt"));
  EXPECT_EQ(field_of(spoilt, "Before"), "none");
  EXPECT_TRUE(spoilt.starts_with("HTTP/1.1 500 ")) << spoilt;
  EXPECT_EQ(spoilt.find("Set-Cookie"), spoilt.npos);
}

TEST(Middleware, stands_around_what_weft_answers_by_itself) {
  EXPECT_EQ(ask(framed(), request_text("GET", "/nothing")),
            "HTTP/1.1 404 Not Found\r\nBefore: 1\r\nAfter: 404\r\nContent-Type: text/plain\r\n"
            "Content-Length: 10\r\n\r\nNot Found\n");
  EXPECT_EQ(ask(framed(), request_text("PUT", "/text")),
            "HTTP/1.1 405 Method Not Allowed\r\nBefore: 1\r\nAllow: GET, HEAD, OPTIONS\r\nAfter: 405\r\n"
            "Content-Type: text/plain\r\nContent-Length: 19\r\n\r\nMethod Not Allowed\n");
  EXPECT_EQ(ask(framed(), request_text("OPTIONS", "/text")),
            "HTTP/1.1 204 No Content\r\nBefore: 1\r\nAllow: GET, HEAD, OPTIONS\r\nAfter: 204\r\n\r\n");
  EXPECT_EQ(field_of(ask(framed(), request_text("OPTIONS", "*")), "Before"), "none");
  EXPECT_EQ(field_of(ask(framed(), request_text("BREW", "/text")), "Before"), "none");
}

// What a client that the group would turn away learns of it: nothing, not even which paths there are.
TEST(Middleware, of_a_group_stands_around_what_is_not_there_beneath_its_prefix) {
  const auto noted_of = [](const std::string& bytes) {
    std::string notes;
    router r;
    r.use(noted(notes, "r"));
    r.get("/b", [](request&, response&) {});
    r.get("/{any}/shared", [&](request&, response&) { notes += "shared"; });
    router& g = r.group("/g");
    g.use(noted(notes, "g"));
    g.get("/a", [](request&, response&) {});
    g.group("/deep").use(noted(notes, "d")).get("/a", [](request&, response&) {});
    g.group("").use(noted(notes, "n")).get("/n", [](request&, response&) {});
    r.group("/g").use(noted(notes, "second")).get("/c", [](request&, response&) {});
    r.group("host.example").use(noted(notes, "h")).get("/b", [](request&, response&) {});
    const std::string answer = ask(std::move(r), bytes);
    return answer.substr(9, 3) + ' ' + notes;
  };
  EXPECT_EQ(noted_of(request_text("GET", "/g/nothing")), "404 r(g())");
  EXPECT_EQ(noted_of(request_text("POST", "/g/x/y")), "404 r(g())");
  EXPECT_EQ(noted_of(request_text("OPTIONS", "/g/x")), "404 r(g())");
  EXPECT_EQ(noted_of(request_text("GET", "/g")), "404 r(g())");
  EXPECT_EQ(noted_of(request_text("GET", "/g/")), "404 r(g())");
  EXPECT_EQ(noted_of(request_text("GET", "/g/deep/x")), "404 r(g(d()))");
  EXPECT_EQ(noted_of(request_text("PUT", "/g/a")), "405 r(g())");
  EXPECT_EQ(noted_of(request_text("GET", "/gx")), "404 r()");
  EXPECT_EQ(noted_of(request_text("GET", "/nothing")), "404 r()");
  EXPECT_EQ(noted_of(request_text("GET", "/g/shared")), "200 r(shared)");  // what is there stays where it is
  EXPECT_EQ(noted_of("GET /x HTTP/1.1\r\nHost: HOST.example:80\r\n\r\n"), "404 r(h())");
  EXPECT_EQ(noted_of("GET /g/x HTTP/1.1\r\nHost: host.example\r\n\r\n"), "404 r(h())");
}

// A middleware may ask for the parameters of its group's prefix, whatever has been found below it.
TEST(Middleware, of_a_group_knows_the_parameters_of_its_prefix) {
  std::string notes;
  router r;
  r.group("/users/{id}")
      .use([&](request& q, response&, next n) {
        notes += q.param("id");
        notes += ' ';
        return n();
      })
      .get("/name", [](request&, response&) {});
  const std::string all =
      ask(std::move(r), request_text("GET", "/users/1/name") + request_text("PUT", "/users/2/name") +
                            request_text("OPTIONS", "/users/3/name") +
                            request_text("GET", "/users/4/nothing") + request_text("GET", "/users/5"));
  EXPECT_EQ(notes, "1 2 3 4 5 ");
  EXPECT_EQ(statuses(all), "200 405 204 404 404");
}

TEST(Middleware, learns_what_the_response_says) {
  const auto noted_of = [](const char* target) {
    std::string notes;
    router r;
    r.use([&](request&, response& s, next n) -> weft::result<void> {
      const auto outcome = n();
      notes = std::to_string(static_cast<int>(s.status())) + ' ' + std::to_string(s.body_size());
      for (const char* name : {"OWN", "content-TYPE", "o"})
        notes += ' ' + std::string{s.header(name).value_or("none")};
      return outcome;
    });
    r.get("/", [](request&, response& s) {
      s.header("Other", "1").header("Own", "a b").header("Own", "2").status(status::created).text("four");
    });
    r.get("/stream", [](request&, response& s) -> weft::result<void> {
      WEFT_TRY(s.write(std::string_view{"abc"}));
      return s.write(std::string_view{"de"});
    });
    r.get("/sent", [](request&, response& s) { s.send(precompiled{status::gone, "text/x", "sent"}); });
    ask(std::move(r), request_text("GET", target));
    return notes;
  };
  EXPECT_EQ(noted_of("/"), "201 4 a b text/plain; charset=utf-8 none");
  EXPECT_EQ(noted_of("/stream"), "200 5 none none none");
  EXPECT_EQ(noted_of("/sent"), "410 4 none none none");
}

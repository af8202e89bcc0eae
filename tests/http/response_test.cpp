// What responses say, and what they must not: the framing of RFC 9112, section 6, and the fields of RFC 9110
// that are weft's to write, as their client sees them.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "exchange_world.hpp"

using namespace weft::http;

namespace {

using std::string_view;
using weft::result;

// A world whose /x is answered by `f`, on GET, and whose / is there to see whether the connection goes on.
template <handler F>
exchange_world with(F f) {
  router r;
  r.any("/x", std::move(f));
  r.get("/", precompiled{status::ok, "text/plain", "x"});
  return exchange_world{std::move(r)};
}

// What `f` answers to GET /x, and whether the connection goes on.
template <handler F>
std::string answer_of(F f, string_view lines = "") {
  exchange_world w = with(std::move(f));
  return w.ask(get("/x", lines));
}
template <handler F>
std::string statuses_of(F f, const std::string& bytes) {
  exchange_world w = with(std::move(f));
  return statuses(w.ask(bytes + get("/")));
}

const std::string trailers_wanted = "TE: trailers\r\n";

}  // namespace

TEST(Response, helps_with_common_kinds) {
  EXPECT_EQ(answer_of([](request&, response& s) { s.html("<p>"); }),
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 3\r\n\r\n<p>");
  EXPECT_EQ(answer_of([](request&, response& s) { s.redirect("/new?a=b"); }),
            "HTTP/1.1 302 Found\r\nLocation: /new?a=b\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(answer_of([](request&, response& s) { s.redirect("https://b/", status::permanent_redirect); }),
            "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://b/\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(answer_of([](request&, response& s) {
              s.set_cookie({.name = "a", .value = "b"}).set_cookie({.name = "c", .value = "d"});
            }),
            "HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/; HttpOnly; SameSite=Lax\r\n"
            "Set-Cookie: c=d; Path=/; HttpOnly; SameSite=Lax\r\nContent-Length: 0\r\n\r\n");
}

// Row 35 of the rules: nothing that a handler says can break out of its field, or frame the message.
TEST(Response, is_500_where_a_field_or_status_must_not_be_sent) {
  std::vector<void (*)(response&)> bad = {
      [](response& s) { s.header("X", "a\r\nSet-Cookie: b"); },
      [](response& s) { s.header("X", "a\nb"); },
      [](response& s) { s.header("Content_Length", "3"); },
      [](response& s) { s.header("transfer_encoding", "chunked"); },
      [](response& s) { s.header("X", "a\rb"); },
      [](response& s) { s.header("X", string_view{"a\0b", 3}); },
      [](response& s) { s.header("X", "a\x7f"); },
      [](response& s) { s.header("X\r\nY", "a"); },
      [](response& s) { s.header("X:", "a"); },
      [](response& s) { s.header("", "a"); },
      [](response& s) { s.header("X Y", "a"); },
      [](response& s) { s.header("Content-Length", "3"); },
      [](response& s) { s.header("transfer-encoding", "chunked"); },
      [](response& s) { s.header("Date", "x"); },
      [](response& s) { s.header("Connection", "keep-alive"); },
      [](response& s) { s.body("x", "text/plain\r\nX: y"); },
      [](response& s) { s.set_cookie({.name = "a", .value = "b; Domain=c"}); },
      [](response& s) { s.redirect("/a b"); },
      [](response& s) { s.redirect("/a\r\nX: y"); },
      [](response& s) { s.redirect("/\xc3\xa9"); },
      [](response& s) { s.redirect(""); },
      [](response& s) { s.trailer("Content-Length", "3"); },
      [](response& s) { s.trailer("X", "a\nb"); },
      [](response& s) { s.status(status::continue_); },
      [](response& s) { s.status(status::switching_protocols); },
      [](response& s) { s.status(status::early_hints); },
      [](response& s) { s.status(static_cast<status>(42)); },
      [](response& s) { s.status(static_cast<status>(999)); },
  };
  for (std::size_t i = 0; i < bad.size(); ++i) {
    exchange_world w = with([&](request&, response& s) {
      s.text("secret");
      bad[i](s);
    });
    const std::string text = w.ask(get("/x") + get("/"));
    EXPECT_EQ(statuses(text), "500 200") << i;
    EXPECT_EQ(text.find("secret"), text.npos) << i;
    EXPECT_EQ(w.reports.size(), 1u) << i;
  }
}

TEST(Response, has_no_body_where_there_must_be_none) {
  const auto says = [](status s) { return [s](request&, response& r) { r.status(s).text("body"); }; };
  EXPECT_EQ(answer_of(says(status::no_content)),
            "HTTP/1.1 204 No Content\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
  EXPECT_EQ(answer_of(says(status::not_modified)),
            "HTTP/1.1 304 Not Modified\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
  EXPECT_EQ(
      answer_of(says(status::reset_content)),
      "HTTP/1.1 205 Reset Content\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 0\r\n\r\n");
  exchange_world w = with(says(status::ok));
  EXPECT_EQ(w.ask("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n\r\n");
  const auto streams = [](status s) {
    return [s](request&, response& r) -> result<void> { return r.status(s).write(string_view{"body"}); };
  };
  EXPECT_EQ(answer_of(streams(status::no_content)), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(answer_of(streams(status::not_modified)), "HTTP/1.1 304 Not Modified\r\n\r\n");
  EXPECT_EQ(statuses_of(streams(status::no_content), get("/x")), "204 200");
  exchange_world fixed =
      with([](request&, response& s) { s.send(precompiled{status::reset_content, "a/b", "body"}); });
  EXPECT_EQ(fixed.ask(get("/x")),
            "HTTP/1.1 205 Reset Content\r\nContent-Type: a/b\r\nContent-Length: 0\r\n\r\n");
}

TEST(Response, says_what_a_405_allows) {
  const std::string allow = "Allow: GET, HEAD, POST, OPTIONS\r\n";
  router r;
  const auto refuses = [](request&, response&) -> result<void> {
    return std::unexpected(status::method_not_allowed);
  };
  r.get("/error", refuses).post("/error", refuses);
  const auto sets = [](request&, response& s) { s.status(status::method_not_allowed); };
  r.get("/status", sets).post("/status", sets);
  r.get("/own", [](request&, response& s) { s.status(status::method_not_allowed).header("allow", "GET"); });
  exchange_world w{std::move(r)};
  EXPECT_NE(w.ask(get("/error")).find(allow), std::string::npos);
  EXPECT_NE(w.ask(get("/status")).find(allow), std::string::npos);
  EXPECT_EQ(w.ask(get("/own")).find("Allow:"), std::string::npos);
}

TEST(Response, streams_a_body_of_known_length) {
  const auto of = [](std::uint64_t declared, const std::vector<std::string>& writes) {
    return [=](request&, response& s) -> result<void> {
      s.content_length(declared);
      for (const std::string& w : writes) WEFT_TRY(s.write(w));
      return {};
    };
  };
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n";
  EXPECT_EQ(answer_of(of(6, {"abc", "def"})), head + "\r\nabcdef");
  EXPECT_EQ(statuses_of(of(6, {"abc", "def"}), get("/x")), "200 200");
  EXPECT_EQ(statuses_of(of(0, {""}), get("/x")), "200 200");
  exchange_world old = with(of(6, {"abcdef"}));
  EXPECT_EQ(old.ask("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
            head + "Connection: keep-alive\r\n\r\nabcdef");
  exchange_world w = with(of(6, {}));
  EXPECT_EQ(w.ask("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n"), head + "\r\n");
  EXPECT_TRUE(w.reports.empty());
  // From the handler's memory, in as many sends: the head, and each block.
  exchange_world large = with(of(200'000, {std::string(100'000, 'a'), std::string(100'000, 'b')}));
  const answers got = large.talk({get("/x") + get("/")});
  EXPECT_EQ(statuses(got.text), "200 200");
  EXPECT_NE(got.text.find(std::string(100'000, 'a') + std::string(100'000, 'b') + "HTTP"), std::string::npos);
}

TEST(Response, cuts_a_body_that_is_not_as_long_as_was_said) {
  const auto expect_cut = [](std::uint64_t declared, const std::vector<std::string>& writes,
                             const std::string& received) {
    exchange_world w = with([=](request&, response& s) -> result<void> {
      s.content_length(declared);
      for (const std::string& bytes : writes)
        if (!s.write(bytes)) return {};  // a handler that hides it
      return {};
    });
    const std::string text = w.ask(get("/x") + get("/"));
    EXPECT_EQ(text, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(declared) + "\r\n\r\n" + received);
    EXPECT_EQ(w.reports.size(), 1u);
  };
  expect_cut(6, {"abc"}, "abc");
  expect_cut(6, {"abc", "defg"}, "abc");
  expect_cut(6, {"abcdef", "g"}, "abcdef");
  // Nothing has gone out yet: the client may as well be told.
  exchange_world w = with([](request&, response& s) { s.content_length(5).text("abc"); });
  EXPECT_EQ(statuses(w.ask(get("/x") + get("/"))), "500 200");
  EXPECT_EQ(w.reports.size(), 1u);
}

TEST(Response, sends_trailers_to_who_wants_them) {
  const auto streams = [](request&, response& s) -> result<void> {
    s.trailer("X-First", "1");
    WEFT_TRY(s.write(string_view{"abc"}));
    s.trailer("X-Sum", "2");
    return {};
  };
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n";
  EXPECT_EQ(answer_of(streams, trailers_wanted), head + "X-First: 1\r\nX-Sum: 2\r\n\r\n");
  EXPECT_EQ(answer_of(streams, "TE: deflate;q=0.5, Trailers\r\n"), head + "X-First: 1\r\nX-Sum: 2\r\n\r\n");
  EXPECT_EQ(answer_of(streams), head + "\r\n");
  EXPECT_EQ(answer_of(streams, "TE: deflate\r\n"), head + "\r\n");
  const auto whole = [](request&, response& s) { s.trailer("X", "1").text("abc"); };
  EXPECT_EQ(answer_of(whole, trailers_wanted),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3\r\nabc\r\n0\r\nX: 1\r\n\r\n");
  EXPECT_EQ(answer_of([](request&, response& s) { s.trailer("X", "1"); }, trailers_wanted),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\n\r\n");
  EXPECT_EQ(answer_of(whole),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n\r\nabc");
  exchange_world old = with(whole);
  EXPECT_EQ(old.ask("GET /x HTTP/1.0\r\nTE: trailers\r\n\r\n").find("chunked"), std::string::npos);
  exchange_world spoilt = with([](request&, response& s) -> result<void> {
    WEFT_TRY(s.write(string_view{"abc"}));
    s.trailer("Content-Length", "3");
    return {};
  });
  const std::string cut = spoilt.ask(get("/x", trailers_wanted) + get("/"));
  EXPECT_TRUE(cut.ends_with("\r\n\r\n3\r\nabc\r\n")) << cut;
  EXPECT_EQ(spoilt.reports.size(), 1u);
}

TEST(Response, says_early_hints_before_the_answer) {
  const auto hints = [](request&, response& s) -> result<void> {
    WEFT_TRY(s.early_hints({"</a.css>; rel=preload", "</b.js>; rel=preload"}));
    WEFT_TRY(s.early_hints({"</c>"}));
    s.text("x");
    return {};
  };
  const std::string answer =
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 1\r\n";
  exchange_world w = with(hints);
  const answers got = w.talk({get("/x")});
  EXPECT_EQ(got.text,
            "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.js>; rel=preload\r\n\r\n"
            "HTTP/1.1 103 Early Hints\r\nLink: </c>\r\n\r\n" +
                answer + "\r\nx");
  EXPECT_EQ(got.sends, 3u);  // they do not wait for it
  EXPECT_EQ(w.ask("GET /x HTTP/1.0\r\n\r\n"), answer + "Connection: close\r\n\r\nx");
  EXPECT_EQ(statuses_of([](request&, response& s) { return s.early_hints({"a\r\nX: y"}); }, get("/x")),
            "500 200");
  exchange_world late = with([](request&, response& s) -> result<void> {
    WEFT_TRY(s.write(string_view{"abc"}));
    EXPECT_EQ(s.early_hints({"</a>"}).error(), weft::errc::protocol);
    return {};
  });
  EXPECT_EQ(late.ask(get("/x")).find("103"), std::string::npos);
}

TEST(Response, flush_sends_the_head) {
  exchange_world w = with([](request&, response& s) -> result<void> {
    s.header("X", "y");
    WEFT_TRY(s.flush());
    return s.write(string_view{"abc"});
  });
  const answers got = w.talk({get("/x")});
  EXPECT_EQ(got.text, "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  EXPECT_EQ(got.sends, 3u);
}

// Status and length have gone out with the first piece: what is said later must not frame the rest.
TEST(Response, keeps_its_framing_once_it_streams) {
  const std::string whole =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n";
  for (const status late : {status::no_content, status::not_modified}) {
    EXPECT_EQ(answer_of([late](request&, response& s) -> result<void> {
                WEFT_TRY(s.write(string_view{"abc"}));
                return s.status(late).write(string_view{"def"});
              }),
              whole);
  }
  const auto late_body = [](request&, response& s) -> result<void> {
    WEFT_TRY(s.status(status::no_content).flush());
    return s.status(status::ok).write(string_view{"def"});
  };
  EXPECT_EQ(answer_of(late_body), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(statuses_of(late_body, get("/x")), "204 200");
  const auto late_length = [](request&, response& s) -> result<void> {
    WEFT_TRY(s.content_length(3).flush());
    return s.content_length(6).write(string_view{"abc"});
  };
  EXPECT_EQ(statuses_of(late_length, get("/x")), "200 200");
}

// The answers before it are no less true.
TEST(Response, cuts_a_stream_behind_the_answers_before_it) {
  const auto begins_and_fails = [](request&, response& s) -> result<void> {
    WEFT_TRY(s.write(string_view{}));
    return std::unexpected(status::bad_gateway);
  };
  const auto is_too_long = [](request&, response& s) {
    return s.content_length(2).write(string_view{"abc"});
  };
  exchange_world failing = with(begins_and_fails);
  EXPECT_EQ(statuses(failing.ask(get("/") + get("/x") + get("/"))), "200");
  exchange_world long_one = with(is_too_long);
  EXPECT_EQ(statuses(long_one.ask(get("/") + get("/x") + get("/"))), "200");
}

TEST(Response, has_no_length_where_it_has_no_body) {
  const auto says = [](request&, response& s) {
    s.status(status::reset_content).content_length(4).text("body");
  };
  EXPECT_EQ(
      answer_of(says),
      "HTTP/1.1 205 Reset Content\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(statuses_of(says, get("/x")), "205 200");
}

TEST(Response, says_the_status_that_goes_out) {
  const auto expect_status = [](status expected, auto f) {
    status said{};
    const std::string answer = answer_of([&](request&, response& s) -> result<void> {
      const result<void> outcome = f(s);
      said = s.status();
      return outcome;
    });
    EXPECT_EQ(said, expected);
    EXPECT_EQ(answer.substr(9, 3), std::to_string(static_cast<int>(expected)));
  };
  const precompiled created{status::created, "a/b", "body"};
  expect_status(status::ok, [&](response& s) -> result<void> {
    s.send(created);
    return s.write(string_view{"abc"});
  });
  expect_status(status::ok, [&](response& s) -> result<void> {
    WEFT_TRY(s.flush());
    s.send(created);
    return {};
  });
  expect_status(status::internal_server_error, [](response& s) -> result<void> {
    s.status(status{600});
    return {};
  });
}

TEST(Response, refuses_to_stream_what_must_not_be_sent) {
  exchange_world w = with([](request&, response& s) -> result<void> {
    s.header("X", "a\nb");
    EXPECT_EQ(s.write(string_view{"abc"}).error(), weft::errc::protocol);
    return {};
  });
  EXPECT_EQ(statuses(w.ask(get("/x") + get("/"))), "500 200");
}

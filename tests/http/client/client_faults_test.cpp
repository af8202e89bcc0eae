// The client against servers that misbehave, or that weft's own would not be like.
// real time: a server that is too slow is so by the clock.
#include "client_fixture.hpp"

#include <string>

#include <weft/runtime/event.hpp>
#include <weft/runtime/with_deadline.hpp>

namespace weft::testing {
namespace {

using namespace std::string_literals;

const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST_F(HttpClient, sends_nothing_of_a_call_that_is_wrong) {
  on_fiber([] {
    scripted_server server{{always(ok("x"))}};
    http::client client;
    const auto error_of = [&](http::call c) {
      if (c.url.empty()) c.url = server.url();
      return failure(client.send(c, 5s));
    };
    EXPECT_EQ(error_of({.url = "http://" + server.at() + "/a b"}), http::call_error::bad_url);
    EXPECT_EQ(error_of({.url = "https://" + server.at() + "/"}), http::call_error::unsupported_scheme);
    EXPECT_EQ(error_of({.method = "G T"}), http::call_error::bad_method);
    EXPECT_EQ(error_of({.headers = {{"A", "b\r\nC: d"}}}), http::call_error::bad_field_value);
    EXPECT_EQ(error_of({.headers = {{"Content-Length", "1"}}}), http::call_error::reserved_field);
    EXPECT_EQ(server.connections(), 0u);
    EXPECT_EQ(text_of(client.get(server.url(), 5s)), "x");
  });
}

TEST_F(HttpClient, says_why_there_is_no_connection) {
  on_fiber([] {
    auto listener = *net::tcp_listener::bind("127.0.0.1:0");
    const std::string nobody = "http://" + listener.local_address() + '/';
    listener.close();
    http::client client;
    EXPECT_EQ(failure(client.get(nobody, 5s)), std::errc::connection_refused);
    client.close();
    EXPECT_EQ(failure(client.get(nobody, 5s)), errc::closed);
  });
}

// What is left when the response has been read decides, not only what it says.
TEST_F(HttpClient, uses_no_connection_again_that_is_not_sound) {
  on_fiber([] {
    for (const std::string& answer : {ok("one", "Connection: close\r\n"), ok("one") + "more",
                                      "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\none"s,
                                      "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\none"s}) {
      bool ended = false;
      scripted_server server{{[&](server_side& s) {
                                s.answer(answer);
                                ended = s.sees_end();
                              },
                              always(ok("two"))}};
      http::client client;
      EXPECT_EQ(text_of(client.get(server.url(), 5s)), answer.find("204") != answer.npos ? "" : "one");
      EXPECT_EQ(text_of(client.get(server.url(), 5s)), "two");
      client.close();
      server.stop();
      EXPECT_TRUE(ended) << answer;
    }
  });
}

TEST_F(HttpClient, asks_for_the_end_of_a_connection) {
  on_fiber([] {
    scripted_server server{{always(ok("x"))}};
    http::client client;
    for (int i = 0; i < 2; ++i)
      EXPECT_EQ(text_of(client.send({.url = server.url(), .headers = {{"Connection", "close"}}}, 5s)), "x");
    EXPECT_EQ(server.connections(), 2u);  // though the server has not said that it ends them
    client.close();
  });
}

TEST_F(HttpClient, reads_what_older_servers_send) {
  on_fiber([] {
    scripted_server server{{[](server_side& s) { s.answer("HTTP/1.0 200 OK\r\n\r\nuntil the end"); },
                            always("HTTP/1.0 200\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok")}};
    http::client client;
    EXPECT_EQ(text_of(client.get(server.url(), 5s)), "until the end");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(text_of(client.get(server.url(), 5s)), "ok");
    EXPECT_EQ(server.connections(), 2u);
    client.close();
  });
}

TEST_F(HttpClient, passes_interim_responses_and_trailers) {
  on_fiber([] {
    scripted_server server{
        {always("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + chunked +
                "3;a=b\r\none\r\n4\r\n two\r\n0\r\nDigest: x\r\n\r\n")}};
    http::client client;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(text_of(client.get(server.url(), 5s)), "one two");
    EXPECT_EQ(server.connections(), 1u);
    client.close();
  });
}

TEST_F(HttpClient, refuses_broken_responses_and_closes) {
  on_fiber([] {
    const std::pair<std::string, errc> cases[] = {
        {"SSH-2.0-x\r\n", errc::protocol},
        {"HTTP/1.1 200 OK\nContent-Length: 0\n\n", errc::protocol},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", errc::protocol},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", errc::protocol},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", errc::unsupported},
        {"HTTP/2.0 200 OK\r\n\r\n", errc::unsupported},
        {"HTTP/1.1 101 Switching Protocols\r\n\r\n", errc::protocol},
        {"HTTP/1.1 200 OK\r\nA: " + std::string(70'000, 'x'), errc::limit},
        {chunked + "x\r\n", errc::protocol},
        {chunked + "3\r\nonetwo", errc::protocol},
    };
    for (const auto& [answer, expected] : cases) {
      scripted_server server{{[&](server_side& s) {
        s.answer(answer);
        EXPECT_TRUE(s.sees_end()) << answer;
      }}};
      http::client client;
      EXPECT_EQ(text_of(client.get(server.url(), 5s)), make_error_code(expected).message()) << answer;
      EXPECT_EQ(client.stats().idle, 0u);
      server.stop();
      EXPECT_EQ(server.connections(), 1u);
    }
  });
}

TEST_F(HttpClient, tells_an_end_from_a_cut) {
  on_fiber([] {
    for (const std::string& cut :
         {""s, "HTTP/1.1 200 OK\r\n"s, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"s,
          chunked + "5\r\nhello\r\n"}) {
      scripted_server server{{[&](server_side& s) { s.answer(cut); }}};
      http::client client;
      EXPECT_EQ(text_of(client.get(server.url(), 5s)), make_error_code(errc::end_of_stream).message()) << cut;
      EXPECT_EQ(server.connections(), 1u);  // it was new: there is no other reason to be found
    }
  });
}

// The server closes a connection just when its second request comes.
scripted_server::script stale_at_second(bool with_reset, std::string_view first_bytes = "") {
  return [=](server_side& s) {
    s.answer(ok("first"));
    s.request();
    s.send(first_bytes);
    if (with_reset) s.reset();
  };
}

TEST_F(HttpClient, tries_again_where_a_connection_was_stale) {
  on_fiber([] {
    for (const bool with_reset : {false, true})
      for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"}) {
        scripted_server server{{stale_at_second(with_reset), always("HTTP/1.1 204 \r\n\r\n")}};
        http::client client;
        EXPECT_EQ(text_of(client.get(server.url(), 5s)), "first");
        const auto second = client.send({.method = method, .url = server.url()}, 5s);
        ASSERT_TRUE(second) << method << ' ' << second.error().message();
        EXPECT_EQ(second->status(), http::status::no_content);
        EXPECT_EQ(server.connections(), 2u);
        client.close();
      }
  });
}

TEST_F(HttpClient, tries_nothing_again_that_may_have_been_done) {
  on_fiber([] {
    for (const char* method : {"POST", "PATCH", "BREW"}) {
      scripted_server server{{stale_at_second(false), always(ok("second"))}};
      http::client client;
      EXPECT_EQ(text_of(client.get(server.url(), 5s)), "first");
      EXPECT_EQ(failure(client.send({.method = method, .url = server.url()}, 5s)), errc::end_of_stream);
      EXPECT_EQ(server.connections(), 1u) << method;
    }
    scripted_server begun{{stale_at_second(false, "H"), always(ok("second"))}};
    http::client client;
    EXPECT_EQ(text_of(client.get(begun.url(), 5s)), "first");
    EXPECT_EQ(failure(client.get(begun.url(), 5s)), errc::end_of_stream);
    EXPECT_EQ(begun.connections(), 1u);
  });
}

TEST_F(HttpClient, tries_again_only_once) {
  on_fiber([] {
    scripted_server server{{stale_at_second(false), [](server_side& s) { s.request(); }}};
    http::client client;
    EXPECT_EQ(text_of(client.get(server.url(), 5s)), "first");
    EXPECT_EQ(failure(client.get(server.url(), 5s)), errc::end_of_stream);
    EXPECT_EQ(server.connections(), 2u);
  });
}

TEST_F(HttpClient, waits_no_longer_than_it_may) {
  on_fiber([] {
    const auto silent = [](server_side& s) {
      s.request();
      s.sees_end();
    };
    const auto half = [](server_side& s) {
      s.answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell");
      s.sees_end();
    };
    scripted_server no_head{{silent}}, no_end{{half}};
    http::client patient, hasty{{.head = 20ms, .read = 20ms}};
    const std::string late = make_error_code(errc::deadline_exceeded).message();
    EXPECT_EQ(text_of(hasty.get(no_head.url(), 5s)), late);
    EXPECT_EQ(text_of(hasty.get(no_end.url(), 5s)), late);
    EXPECT_EQ(text_of(patient.get(no_head.url(), 20ms)), late);
    EXPECT_EQ(with_deadline(20ms, [&] { return text_of(patient.get(no_head.url())); }), late);
    auto reply = patient.get(no_end.url(), 5s);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->body(100, 20ms).error(), errc::deadline_exceeded);
    EXPECT_EQ(patient.stats().idle, 0u);
  });
}

TEST_F(HttpClient, waits_for_a_connection_only_if_it_is_to) {
  on_fiber([] {
    scripted_server server{{always(ok("x"))}};
    http::client one{{.connections = {.name = "test", .limit = 1}}};
    auto held = one.get(server.url(), 5s);
    EXPECT_EQ(failure(one.get(server.url(), 10ms)), errc::deadline_exceeded);
    held = std::unexpected(errc::canceled);
    EXPECT_EQ(text_of(one.get(server.url(), 5s)), "x");
    http::client strict{{.connections = {.name = "test", .limit = 1, .exhausted = exhaustion::refuse}}};
    held = strict.get(server.url(), 5s);
    EXPECT_EQ(failure(strict.get(server.url(), 5s)), errc::limit);
    one.close();
    strict.close();
    held = std::unexpected(errc::canceled);
  });
}

TEST_F(HttpClient, ends_at_once_when_cancelled) {
  on_fiber([] {
    event asked;
    scripted_server server{{[&](server_side& s) {
      s.request();
      asked.set();
      EXPECT_TRUE(s.sees_end());
    }}};
    http::client client;
    auto asking = spawn([&] { return failure(client.get(server.url())); });
    ASSERT_TRUE(asked.wait());
    asking.request_stop();
    EXPECT_EQ(asking.join(), errc::canceled);
    EXPECT_EQ(client.stats().in_use, 0u);
    EXPECT_EQ(client.stats().idle, 0u);
  });
}

// A server that says no to a large body before it has come, and reads no more of it.
TEST_F(HttpClient, hears_an_answer_that_comes_before_the_request_has_ended) {
  on_fiber([] {
    const std::string body(std::size_t{32} << 20, 'x');
    for (const bool closes : {false, true}) {
      event heard;
      scripted_server server{{[&](server_side& s) {
        s.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!");
        if (!closes) EXPECT_TRUE(heard.wait());
      }}};
      http::client client;
      auto got = client.send({.method = "POST", .url = server.url(), .body = body}, 10s);
      ASSERT_TRUE(got) << got.error().message();
      EXPECT_EQ(got->status(), http::status::content_too_large);
      EXPECT_EQ(text_of(std::move(got)), "no!");
      EXPECT_EQ(client.stats().idle, 0u);
      heard.set();
    }
  });
}

}  // namespace
}  // namespace weft::testing

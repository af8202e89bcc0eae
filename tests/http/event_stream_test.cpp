#include <weft/http/event_stream.hpp>

#include <gtest/gtest.h>

#include <string>

#include "exchange_world.hpp"

using namespace weft::http;

namespace {

using std::string_view;
using weft::result;

// What a client of HTTP/1.0, which sees no chunks, receives of the events that `f` sends.
template <class F>
std::string events_of(F f, string_view lines = "") {
  router r;
  r.get("/", [f](request& q, response& s) -> result<void> {
    event_stream to{q, s};
    return f(to);
  });
  exchange_world w{std::move(r)};
  const std::string text = w.ask("GET / HTTP/1.0\r\n" + std::string{lines} + "\r\n");
  const std::string head =
      "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\n"
      "Content-Type: text/event-stream\r\nConnection: close\r\n\r\n";
  EXPECT_TRUE(text.starts_with(head)) << text;
  return text.substr(std::min(text.size(), head.size()));
}
std::string sent(const event& e) {
  return events_of([&](event_stream& to) { return to.send(e); });
}

}  // namespace

TEST(EventStream, writes_events) {
  EXPECT_EQ(sent({.data = "a"}), "data: a\n\n");
  EXPECT_EQ(sent({.data = "a", .name = "n", .id = "7", .retry = std::chrono::seconds{2}}),
            "event: n\nid: 7\nretry: 2000\ndata: a\n\n");
  EXPECT_EQ(sent({.data = ""}), "data: \n\n");
}

TEST(EventStream, keeps_the_lines_of_data) {
  EXPECT_EQ(sent({.data = "a\nb"}), "data: a\ndata: b\n\n");
  EXPECT_EQ(sent({.data = "a\r\nb\rc\n"}), "data: a\ndata: b\ndata: c\ndata: \n\n");
  EXPECT_EQ(sent({.data = "\n\n"}), "data: \ndata: \ndata: \n\n");
  EXPECT_EQ(sent({.data = " x: \xc3\xa9"}), "data:  x: \xc3\xa9\n\n");
}

TEST(EventStream, refuses_names_and_ids_that_would_begin_another_event) {
  const std::string next = events_of([](event_stream& to) -> result<void> {
    for (const string_view bad : {string_view{"a\nb"}, string_view{"a\rdata: x"}, string_view{"a\0", 2}}) {
      EXPECT_EQ(to.send({.data = "x", .name = bad}).error(), std::errc::invalid_argument);
      EXPECT_EQ(to.send({.data = "x", .id = bad}).error(), std::errc::invalid_argument);
      EXPECT_EQ(to.comment(bad).error(), std::errc::invalid_argument);
    }
    return to.send({.data = "good"});
  });
  EXPECT_EQ(next, "data: good\n\n");
}

TEST(EventStream, knows_where_its_client_stopped) {
  const auto tells = [](event_stream& to) -> result<void> {
    WEFT_TRY(to.comment("hello"));
    return to.send({.data = to.last_id()});
  };
  EXPECT_EQ(events_of(tells, "Last-Event-ID: 41\r\n"), ":hello\n\ndata: 41\n\n");
  EXPECT_EQ(events_of(tells), ":hello\n\ndata: \n\n");
}

TEST(EventStream, sends_each_event_at_once) {
  router r;
  r.get("/", [](request& q, response& s) -> result<void> {
    event_stream to{q, s};
    WEFT_TRY(s.flush());
    WEFT_TRY(to.send({.data = "1"}));
    return to.send({.data = "2"});
  });
  exchange_world w{std::move(r)};
  const answers got = w.talk({get("/")});
  EXPECT_EQ(got.sends, 4u);  // the head, both, and the last chunk
  EXPECT_TRUE(got.text.ends_with("\r\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n")) << got.text;
}

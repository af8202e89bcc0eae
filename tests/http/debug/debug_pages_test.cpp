// The debug pages of a server, as clients near and far are answered.
#include <gtest/gtest.h>

#include <unistd.h>

#include <semaphore>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <leak_check.hpp>
#include <server_fixture.hpp>
#include <weft/http/client/client.hpp>
#include <weft/http/debug/debug_pages.hpp>
#include <weft/http/server.hpp>
#include <weft/runtime/blocking.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/spawn.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/trace/span.hpp>
#include <weft/runtime/trace/tracer.hpp>

namespace weft::testing {
namespace {

using namespace std::chrono_literals;
using field = std::pair<std::string, std::string>;

// The answer of a server with debug pages, as "STATUS body".
class DebugPages : public weft_test::leak_check {
 protected:
  struct asked {
    std::string target = "/debug/pools";
    std::vector<field> fields{};
    std::string at = "127.0.0.1:0";
    http::debug_pages_options options{};
  };

  // On a fiber.
  static std::string ask(const asked& q) {
    http::router routes;
    http::debug_pages(routes, q.options);
    http::server server{std::move(routes)};
    EXPECT_TRUE(server.listen(q.at));
    auto serving = spawn([&] { return server.serve(); });
    http::client client{{.endpoint = server.addresses().front()}};
    auto got = client.send({.url = "http://localhost" + q.target, .headers = q.fields}, 10s);
    std::string said = got ? std::to_string(std::to_underlying(got->status())) + ' ' : got.error().message();
    if (got) said.append(got->body().value()).append(got->header("location").value_or(""));
    server.request_stop();
    EXPECT_TRUE(serving.join());
    return said;
  }

  static std::string answer_to(const asked& q) {
    return weft::run([&] { return ask(q); }, weft::options{.workers = 2});
  }

  static std::string status_of(const asked& q) { return answer_to(q).substr(0, 3); }
};

TEST_F(DebugPages, answer_this_machine_by_its_names) {
  for (const char* host : {"localhost", "localhost:8080", "LOCALHOST", "127.0.0.1", "127.1.2.3:80", "[::1]"})
    EXPECT_EQ(status_of({.fields = {{"Host", host}}}), "200") << host;
  EXPECT_EQ(status_of({.at = "[::1]:0"}), "200");
}

TEST_F(DebugPages, refuse_what_a_browser_asks_for_under_another_name) {
  for (const char* host :
       {"example.org", "localhost.example.org", "127.0.0.1.example.org", "0.0.0.0", "[::2]"})
    EXPECT_EQ(status_of({.fields = {{"Host", host}}}), "403") << host;
}

TEST_F(DebugPages, refuse_what_a_proxy_passes_on) {
  for (const char* name : {"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via"})
    EXPECT_EQ(status_of({.fields = {{name, "x"}}}), "403") << name;
}

TEST_F(DebugPages, answer_a_unix_socket_whatever_it_calls_the_host) {
  EXPECT_EQ(status_of({.fields = {{"Host", "example.org"}},
                       .at = "unix:@weft-debug-test-" + std::to_string(::getpid())}),
            "200");
}

TEST_F(DebugPages, go_by_the_address_of_the_peer) {
  weft::run(
      [] {
        http::router routes;
        http::debug_pages(routes);
        http::server server{std::move(routes), {.proxy_protocol = http::proxy_protocol_mode::required}};
        ASSERT_TRUE(server.listen("127.0.0.1:0"));
        auto serving = spawn([&] { return server.serve(); });
        const auto answer_for = [&](const std::string& peer) {
          return blocking([&] {
            client c{server.addresses().front()};
            c.send("PROXY " + peer + " 1 2\r\nGET /debug/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
            return c.some(12);
          });
        };
        for (const char* near : {"TCP4 127.0.0.1 127.0.0.1", "TCP6 ::1 ::1", "TCP6 ::ffff:127.0.0.1 ::1"})
          EXPECT_EQ(answer_for(near), "HTTP/1.1 200") << near;
        for (const char* far :
             {"TCP4 192.0.2.1 127.0.0.1", "TCP6 2001:db8::1 ::1", "TCP6 ::ffff:192.0.2.1 ::1"})
          EXPECT_EQ(answer_for(far), "HTTP/1.1 403") << far;
        server.request_stop();
        EXPECT_TRUE(serving.join());
      },
      weft::options{.workers = 1});
}

TEST_F(DebugPages, refuse_who_is_gone_when_they_are_asked) {
  weft::run(
      [] {
        event begun, done;
        http::status said{};
        http::router routes;
        routes.use([&](http::request& q, http::response& s, http::next n) {
          begun.set();
          while (q.remote_address()) this_fiber::yield();
          const result<void> outcome = n();
          said = s.status();
          done.set();
          return outcome;
        });
        http::debug_pages(routes);
        http::server server{std::move(routes)};
        ASSERT_TRUE(server.listen("127.0.0.1:0"));
        auto serving = spawn([&] { return server.serve(); });
        client far{server.addresses().front()};
        far.send("GET /debug/ HTTP/1.1\r\nHost: example.org\r\n\r\n");
        ASSERT_TRUE(begun.wait());
        far.reset();
        ASSERT_TRUE(done.wait());
        EXPECT_EQ(said, http::status::forbidden);
        server.request_stop();
        EXPECT_TRUE(serving.join());
      },
      weft::options{.workers = 1});
}

TEST_F(DebugPages, answer_anybody_if_told_to) {
  EXPECT_EQ(
      status_of({.fields = {{"Host", "example.org"}, {"Via", "x"}}, .options = {.from_anywhere = true}}),
      "200");
}

TEST_F(DebugPages, lie_where_they_are_put) {
  EXPECT_EQ(status_of({.target = "/inside/pools", .options = {.prefix = "/inside"}}), "200");
  EXPECT_EQ(status_of({.target = "/debug/pools", .options = {.prefix = "/inside"}}), "404");
  EXPECT_EQ(answer_to({.target = "/debug"}), "302 /debug/");
}

TEST_F(DebugPages, browsers_get_the_page_and_programs_get_data) {
  EXPECT_TRUE(answer_to({.target = "/debug/"}).starts_with("200 <!DOCTYPE html>"));
  EXPECT_TRUE(answer_to({.target = "/debug/fibers", .fields = {{"Accept", "text/html,*/*;q=0.8"}}})
                  .starts_with("200 <!DOCTYPE html>"));
  EXPECT_EQ(status_of({.target = "/debug/fibers?format=xml"}), "400");
}

// What they show is for no frame of another page, and for no cache.
TEST_F(DebugPages, are_kept_by_nobody_and_framed_by_nobody) {
  weft::run(
      [] {
        http::router routes;
        http::debug_pages(routes);
        http::server server{std::move(routes)};
        ASSERT_TRUE(server.listen("127.0.0.1:0"));
        auto serving = spawn([&] { return server.serve(); });
        http::client client{{.endpoint = server.addresses().front()}};
        for (const char* target : {"", "/", "/fibers", "/fibers?format=json", "/metrics", "/pools", "/stacks",
                                   "/trace?seconds=1", "/trace?seconds=0", "/nothing"}) {
          const auto got = client.get(std::string{"http://localhost/debug"} + target, 10s);
          ASSERT_TRUE(got) << target;
          const auto said = [&](std::string_view name) { return got->header(name).value_or("none"); };
          EXPECT_EQ(said("x-content-type-options"), "nosniff") << target;
          EXPECT_EQ(said("x-frame-options"), "DENY") << target;
          EXPECT_EQ(said("content-security-policy"), "frame-ancestors 'none'") << target;
          EXPECT_EQ(said("cache-control"), "no-store") << target;
        }
        server.request_stop();
        EXPECT_TRUE(serving.join());
      },
      weft::options{.workers = 2});
}

TEST_F(DebugPages, tell_every_fiber) {
  std::string text, json;
  weft::run(
      [&] {
        event never;
        auto waiting = spawn([&] { EXPECT_TRUE(never.wait()); }, {.name = "someone \"quoted\""});
        text = ask({.target = "/debug/fibers"});
        json = ask({.target = "/debug/fibers?format=json"});
        never.set();
        waiting.join();
      },
      weft::options{.workers = 1});
  EXPECT_NE(text.find("someone \"quoted\""), text.npos) << text;
  EXPECT_NE(text.find("waits for an event"), text.npos) << text;
  EXPECT_NE(json.find("\"name\":\"someone \\\"quoted\\\"\""), json.npos) << json;
}

TEST_F(DebugPages, tell_the_metrics_and_what_the_program_adds) {
  const std::string text =
      answer_to({.target = "/debug/metrics", .options = {.more_metrics = [] { return "added 1\n"; }}});
  EXPECT_NE(text.find("\nweft_workers 2\n"), text.npos) << text;
  EXPECT_TRUE(text.ends_with("\nadded 1\n"));
}

TEST_F(DebugPages, tell_of_stacks_what_was_counted) {
  EXPECT_NE(answer_to({.target = "/debug/stacks"}).find("\"sites\":["), std::string::npos);
}

TEST_F(DebugPages, record_a_trace_one_at_a_time) {
  for (const char* wrong : {"0", "61", "-1", "soon", ""})
    EXPECT_EQ(status_of({.target = std::string{"/debug/trace?seconds="} + wrong}), "400") << wrong;
  ASSERT_TRUE(trace::start());
  EXPECT_EQ(status_of({.target = "/debug/trace"}), "409");
  trace::stop();
  const std::string recorded = answer_to({.target = "/debug/trace?seconds=1"});
  EXPECT_TRUE(recorded.starts_with("200 {")) << recorded.substr(0, 100);
  EXPECT_NE(recorded.find("\"traceEvents\""), recorded.npos);
  EXPECT_FALSE(trace::running());
}

TEST_F(DebugPages, leave_a_trace_alone_that_the_program_begins_meanwhile) {
  weft::run(
      [] {
        auto asking = spawn([] { return ask({.target = "/debug/trace?seconds=1"}); });
        while (!trace::running()) this_fiber::yield();
        EXPECT_TRUE(trace::start());
        const std::string said = asking.join();
        EXPECT_TRUE(said.starts_with("409 ")) << said.substr(0, 100);
        EXPECT_NE(said.find("the program has begun a trace of its own"), said.npos) << said.substr(0, 100);
        EXPECT_TRUE(trace::running()) << "it is the program's to stop";
        trace::stop();
      },
      weft::options{.workers = 2});
}

TEST_F(DebugPages, record_no_trace_for_a_page_of_another_site) {
  const auto asked_by = [](const char* site) {
    return status_of({.target = "/debug/trace?seconds=1", .fields = {{"Sec-Fetch-Site", site}}});
  };
  EXPECT_EQ(asked_by("cross-site"), "403");
  EXPECT_EQ(asked_by("same-origin"), "200");
}

TEST_F(DebugPages, record_no_other_trace_before_the_last_is_given) {
  weft::options only_thread{.workers = 2};
  only_thread.blocking_threads_max = 1;
  const asked trace_page{.target = "/debug/trace?seconds=1"};
  weft::run(
      [&] {
        std::binary_semaphore other_asked{0};
        auto asking = spawn([&] { return ask(trace_page); });
        while (!trace::running()) this_fiber::yield();
        { const trace::span seen{"seen in between"}; }
        auto keeping = spawn([&] { blocking([&] { return other_asked.try_acquire_for(3s); }); });
        while (trace::running()) (void)this_fiber::sleep_for(1ms);
        EXPECT_EQ(ask(trace_page).substr(0, 3), "409");
        other_asked.release();
        keeping.join();
        EXPECT_NE(asking.join().find("seen in between"), std::string::npos);
      },
      only_thread);
}

}  // namespace
}  // namespace weft::testing

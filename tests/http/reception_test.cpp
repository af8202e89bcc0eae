// What becomes of connections for which there is no room: without memory, and when too many are turned away.
#include <weft/http/reception.hpp>

#include <cstddef>
#include <memory_resource>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weft/net/tcp_listener.hpp>

#include "server_fixture.hpp"

namespace weft::testing {
namespace {

using http::detail::reception;
using namespace std::chrono_literals;

// Gives so many blocks, none of more than so many bytes.
class scarce_memory final : public std::pmr::memory_resource {
 public:
  std::size_t blocks = SIZE_MAX;
  std::size_t bytes_max = SIZE_MAX;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (blocks == 0 || bytes > bytes_max) throw std::bad_alloc{};
    --blocks;
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
    std::pmr::new_delete_resource()->deallocate(memory, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

class Reception : public weft_test::leak_check {
 protected:
  Reception() {
    heard.clear();
    http::router r;
    r.get("/", http::precompiled{http::status::ok, "text/plain", "Hello, World!"});
    r.get("/large", http::precompiled{http::status::ok, "text/plain", std::string(8000, 'l')});
    r.get("/json", [](http::request&, http::response& s) { s.json("{}"); });
    of.emplace(std::move(r));
    of->memory = &memory;
    of->report = [](void*, std::string_view text) { heard.emplace_back(text); };
    at.emplace(rt.block_on([] { return net::tcp_listener::bind("127.0.0.1:0"); }).value());
  }
  ~Reception() override {
    rt.block_on([this] { at.reset(); });
  }

  client connect() const { return client{at->local_address()}; }

  // Serves the client that has connected last, to its end.
  void serve(reception& r) {
    rt.block_on([&] {
      r.take_in(at->accept().value());
      EXPECT_TRUE(r.wait(30s));
    });
  }
  // What one gets that sends this, and then ends its side.
  std::string answer_to(std::string_view bytes) {
    reception r{*of, times, 1, 10, 0};
    client c = connect();
    c.send(bytes);
    c.end();
    serve(r);
    return c.rest();
  }

  static inline std::vector<std::string> heard;
  static constexpr std::string_view no_memory = "there is no memory for its request";

  runtime rt{weft::options{.workers = 1}};
  scarce_memory memory;
  std::optional<http::detail::service> of;
  http::detail::connection_times times;
  std::optional<net::tcp_listener> at;
};

TEST_F(Reception, serves_a_connection_to_its_end) {
  EXPECT_EQ(status_of(answer_to(get("/") + get("/json"))), "200");
  EXPECT_TRUE(heard.empty());
}

TEST_F(Reception, without_memory_for_a_request_answers_503_and_reports_it) {
  memory.blocks = 0;
  const std::string refusal = answer_to(get("/"));
  EXPECT_EQ(status_of(refusal), "503");
  EXPECT_TRUE(says_close(refusal));
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_NE(heard[0].find(no_memory), std::string::npos) << heard[0];
}

TEST_F(Reception, without_memory_for_the_first_answer_answers_503) {
  memory.blocks = 1;  // the input's
  EXPECT_EQ(status_of(answer_to(get("/"))), "503");
  EXPECT_EQ(heard.size(), 1u);
  memory.blocks = 1;
  EXPECT_EQ(status_of(answer_to(get("/json"))), "503");
  EXPECT_EQ(heard.size(), 3u);  // of the handler too, which had none for its body
}

TEST_F(Reception, without_memory_for_a_later_request_answers_503_behind_what_was_answered) {
  memory.blocks = 2;  // the input's, and the output's for the first answer
  reception r{*of, times, 1, 10, 0};
  client c = connect();
  c.send(get("/"));
  task<void> serving = rt.spawn([&] {
    r.take_in(at->accept().value());
    EXPECT_TRUE(r.wait(30s));
  });
  EXPECT_EQ(status_of(c.response()), "200");
  c.send(get("/large"));
  EXPECT_EQ(status_of(c.response()), "503");
  c.end();
  EXPECT_EQ(c.rest(), "");
  serving.join();
}

// To the peer a 503 would be the answer to the first request, which was answered otherwise.
TEST_F(Reception, closes_what_cannot_be_told_apart_from_an_answer_and_reports_it) {
  memory.bytes_max = 4 << 10;
  EXPECT_EQ(answer_to(get("/") + get("/large")), "");
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_NE(heard[0].find("closed"), std::string::npos) << heard[0];
}

TEST_F(Reception, turns_only_so_many_away_at_once_and_closes_beyond) {
  reception r{*of, times, 1, 1, 0};
  client first = connect();
  const auto answer_of_another = [&](unsigned others) {  // others being turned away
    client c = connect();
    c.send(get("/"));
    c.end();
    rt.block_on([&] {
      r.here().refusals = others;
      r.take_in(at->accept().value());
      EXPECT_EQ(std::exchange(r.here().refusals, 0), others);
    });
    return c.rest();
  };
  rt.block_on([&] { r.take_in(at->accept().value()); });
  EXPECT_EQ(status_of(answer_of_another(reception::refusals_max - 1)), "503");
  EXPECT_EQ(answer_of_another(reception::refusals_max), "");
  first.end();
  rt.block_on([&] { EXPECT_TRUE(r.wait(30s)); });
}

// A request that is longer than one read of who turns it away.
TEST_F(Reception, lets_who_is_turned_away_read_the_answer) {
  memory.blocks = 0;
  EXPECT_EQ(status_of(answer_to(get("/", "X: " + std::string(100'000, 'x') + "\r\n"))), "503");
}

}  // namespace
}  // namespace weft::testing

// How slowly a body may come, by a clock that stands still but for the peer's script.
#include <weft/http/body_pace.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "exchange_world.hpp"
#include "manual_clock.hpp"

using namespace std::chrono_literals;
using namespace weft::http;
using detail::body_pace;
using detail::body_rate;

namespace {

constexpr body_rate asked{.bytes_per_second = 1000, .grace = 10s};

body_pace pace() {
  body_pace p;
  p.begin(asked);
  return p;
}

// Sends a piece of its script every `gap`, and then nothing more.
class paced_peer final : public scripted_transport {
 public:
  paced_peer(std::vector<std::string> pieces, std::chrono::nanoseconds gap)
      : scripted_transport{{}}, pieces_{std::move(pieces)}, gap_{gap.count()}, due_{clock_now} {}

  weft::result<std::size_t> read(std::span<std::byte> into, weft::deadline until) override {
    if (at_ == pieces_.size() || due_ > until.at) {
      if (!until.is_never()) clock_now = std::max(clock_now, until.at);
      return std::unexpected(weft::errc::deadline_exceeded);
    }
    clock_now = std::max(clock_now, due_);
    std::string& piece = pieces_[at_];
    const std::size_t length = std::min(piece.size(), into.size());
    std::memcpy(into.data(), piece.data(), length);
    piece.erase(0, length);
    if (!piece.empty()) return length;
    ++at_;
    due_ += gap_;
    return length;
  }

 private:
  std::vector<std::string> pieces_;
  std::size_t at_ = 0;
  const std::int64_t gap_;
  std::int64_t due_;  // the next piece
};

router paced_routes() {
  router r;
  const auto whole = [](request& q, response& s) -> weft::result<void> {
    s.text(std::to_string(WEFT_TRY(q.body()).size()));
    return {};
  };
  r.post("/body", whole);
  r.post("/any", whole, {.body_rate = 0});
  r.post("/fast", whole, {.body_rate = 10'000});
  r.post("/brief", whole, {.deadline = 5s});
  r.post("/impatient", [](request& q, response& s) -> weft::result<void> {
    s.text(WEFT_TRY(q.body(3s)));
    return {};
  });
  r.post("/slow", [](request& q, response& s) -> weft::result<void> {  // takes its time with each byte
    std::byte one;
    std::size_t sum = 0;
    while (const std::size_t n = WEFT_TRY(q.read({&one, 1}))) {
      sum += n;
      clock_now += 60'000'000'000;
    }
    s.text(std::to_string(sum));
    return {};
  });
  r.post("/begins", [](request& q, response& s) -> weft::result<void> {
    WEFT_TRY(s.write(std::string_view{"begun"}));
    s.trailer("Size", std::to_string(WEFT_TRY(q.body()).size()));
    return {};
  });
  return r;
}

std::vector<std::string> pieces_of(const std::string& head, std::size_t size, std::size_t count) {
  std::vector<std::string> all{head};
  all.resize(count + 1, std::string(size, 'b'));
  return all;
}

struct outcome {
  std::string said;  // the statuses
  std::int64_t seconds = 0;
};

class BodyPace : public testing::Test {
 protected:
  BodyPace() {
    world_.of.limits.request = {};
    world_.of.limits.body = asked;
  }

  // Of a body to `path`, in `count` pieces of `size` bytes, one a second.
  outcome send(const std::string& path, std::size_t size, std::size_t count, std::size_t missing = 0) {
    const std::string head =
        "POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size * count + missing) +
        "\r\n\r\n";
    return play(pieces_of(head, size, count));
  }
  outcome play(std::vector<std::string> pieces) {
    const std::int64_t began = clock_now;
    paced_peer peer{std::move(pieces), 1s};
    peer.drive(world_.e);
    text_ = without_dates(peer.received);
    return {text_.find("chunked") == text_.npos ? statuses(text_) : "stream",
            (clock_now - began) / 1'000'000'000};
  }

  exchange_world world_{paced_routes()};
  std::string text_;
};

}  // namespace

TEST_F(BodyPace, leaves_the_grace_to_who_sends_nothing) {
  body_pace p = pace();
  EXPECT_EQ(p.left(), 10s);
  p.waited(10s - 1ns, 0);
  EXPECT_EQ(p.left(), 1ns);  // not early
  p.waited(1ns, 0);
  EXPECT_EQ(p.left(), 0ns);  // not never
}

TEST_F(BodyPace, counts_each_byte_at_the_rate_that_is_asked) {
  body_pace p = pace();
  p.waited(5s, 0);
  p.waited(1s, 1000);
  EXPECT_EQ(p.left(), 5s);
  p.waited(1s, 500);
  EXPECT_EQ(p.left(), 4500ms);
  p.waited(0s, 1);
  EXPECT_EQ(p.left(), 4501ms);
}

// Who has sent a lot may pause no longer than who has not.
TEST_F(BodyPace, saves_up_nothing_beyond_the_grace) {
  body_pace p = pace();
  p.waited(1s, 1'000'000'000);
  EXPECT_EQ(p.left(), 10s);
  p.waited(std::chrono::hours{24 * 365}, SIZE_MAX);
  EXPECT_EQ(p.left(), 10s);
}

TEST_F(BodyPace, lets_a_body_come_for_as_long_as_it_keeps_up) {
  const outcome kept = send("/body", 1000, 600);
  EXPECT_EQ(kept.said, "200");
  EXPECT_EQ(kept.seconds, 600);
}

TEST_F(BodyPace, answers_408_to_a_body_that_does_not) {
  EXPECT_EQ(send("/body", 1000, 0, 5).seconds, 10);
  EXPECT_EQ(statuses(text_), "408 end");
  const outcome half = send("/body", 500, 600);
  EXPECT_EQ(half.said, "408 end");
  EXPECT_GE(half.seconds, 18);
  EXPECT_LE(half.seconds, 20);
  // The same for chunks, whose overhead counts as what it is.
  const outcome chunks =
      play(pieces_of("POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "ffff\r\n",
                     500, 100));
  EXPECT_EQ(chunks.said, "408 end");
  EXPECT_EQ(chunks.seconds, half.seconds);
}

TEST_F(BodyPace, is_that_of_the_route_or_else_the_servers) {
  EXPECT_EQ(send("/any", 1, 100).said, "200");
  EXPECT_EQ(send("/fast", 1000, 100).said, "408 end");
  EXPECT_EQ(send("/fast", 10'000, 100).said, "200");
  world_.of.limits.body.bytes_per_second = 0;
  EXPECT_EQ(send("/body", 1, 100).said, "200");
}

TEST_F(BodyPace, leaves_the_other_deadlines_as_they_are) {
  const outcome brief = send("/brief", 1000, 100);
  EXPECT_EQ(brief.said, "408 end");  // the route's, for all of a request
  EXPECT_EQ(brief.seconds, 5);
  EXPECT_EQ(send("/impatient", 1, 100).said.substr(0, 3), "504");  // the handler's own
  world_.of.limits.request = 30s;
  const outcome all = send("/body", 1000, 100);
  EXPECT_EQ(all.said, "408 end");
  EXPECT_EQ(all.seconds, 30);
}

TEST_F(BodyPace, does_not_blame_the_peer_for_a_handler_that_takes_its_time) {
  EXPECT_EQ(send("/slow", 1, 100).said, "200");
}

// An answer that has begun cannot become a 408: it ends where it is, and is not mistaken for a whole one.
TEST_F(BodyPace, cuts_a_response_that_has_begun) {
  EXPECT_EQ(send("/begins", 1, 100).said, "stream");
  EXPECT_TRUE(text_.ends_with("5\r\nbegun\r\n")) << text_;
}

#include <weft/http/middleware/rate_limit.hpp>

#include <gtest/gtest.h>

#include <string>

#include <weft/http/response.hpp>

#include "ask.hpp"

using namespace weft::http;
using namespace std::chrono_literals;
using weft::testing::ask;
using weft::testing::field_of;
using weft::testing::request_text;

namespace {

// The statuses of requests by the clients of these names.
std::string admitted(rate_limit_options options, const std::vector<std::string>& clients) {
  router r;
  options.key = [](const request& q) { return std::string{q.header("Client").value_or("")}; };
  r.use(rate_limit{std::move(options)});
  r.get("/", [](request&, response&) {});
  std::string bytes;
  for (const std::string& c : clients) bytes += request_text("GET", "/", "Client: " + c + "\r\n");
  const std::string text = ask(std::move(r), bytes);
  std::string all;
  for (std::size_t at = 0; (at = text.find("HTTP/1.1 ", at)) != text.npos; at += 9)
    all += text.substr(at + 9, 3) + ' ';
  return all;
}

}  // namespace

TEST(RateLimit, admits_a_burst_of_each_client) {
  EXPECT_EQ(admitted({.allowed = {1, 1h}, .burst = 2}, {"a", "a", "b", "a", "b", "b", "c"}),
            "200 200 200 429 200 429 200 ");
}

TEST(RateLimit, says_when_to_come_back) {
  router r;
  r.use(rate_limit{{.allowed = {1, 1h}, .burst = 1}});  // without a key and an address: all are one
  r.get("/", [](request&, response&) {});
  const std::string answer = ask(std::move(r), request_text("GET", "/") + request_text("GET", "/"));
  const std::string second = answer.substr(answer.find("HTTP/1.1 429 Too Many Requests\r\n"));
  EXPECT_EQ(field_of(second, "Retry-After"), "3600");
}

TEST(RateLimit, admits_again_as_time_goes_by) {
  std::vector<std::string> clients(1000, "a");
  // Whenever the clock has gone on.
  const std::string all = admitted({.allowed = {1, 1ns}, .burst = 1}, clients);
  EXPECT_GT(std::count(all.begin(), all.end(), '2'), 2);
}

TEST(RateLimit, forgets_who_was_not_seen_for_the_longest_time) {
  std::vector<std::string> clients{"0", "1", "2", "3", "4", "5", "6", "7", "8"};
  clients.insert(clients.end(), {"8", "0"});  // 0 had to make room for 8: there are eight places
  EXPECT_EQ(admitted({.allowed = {1, 1h}, .burst = 1, .clients_max = 7}, clients),
            "200 200 200 200 200 200 200 200 200 429 200 ");
}

#include <weft/http/router.hpp>

#include <gtest/gtest.h>

#include <string>

#include <weft/http/response_block.hpp>
#include <weft/http/route_table.hpp>

using namespace weft::http;
using detail::path_parameters;
using detail::route_table;

namespace {

const auto nothing = [](request&, response&) {};

std::string pattern_of(const route_table& table, std::string_view path) {
  path_parameters parameters;
  const detail::resource* const found = table.find(path, parameters);
  if (found == nullptr) return "none";
  std::string text = found->pattern;
  for (std::size_t i = 0; i < parameters.count; ++i)
    text += ' ' + std::string{parameters.all[i].name} + '=' + std::string{parameters.all[i].value};
  return text;
}

}  // namespace

TEST(Router, finds_the_most_specific_pattern) {
  router r;
  r.get("/", nothing).get("/users", nothing).get("/files/{path...}", nothing).get("/users/{id}", nothing);
  r.get("/users/me", nothing)
      .get("/users/{id}/posts/{post}", nothing)
      .get("/users/{id}/{rest...}", nothing)
      .get("/a/", nothing);
  const route_table table{std::move(r)};
  EXPECT_EQ(pattern_of(table, "/"), "/");
  EXPECT_EQ(pattern_of(table, "/users"), "/users");
  EXPECT_EQ(pattern_of(table, "/users/"), "none");
  EXPECT_EQ(pattern_of(table, "/users/me"), "/users/me");
  EXPECT_EQ(pattern_of(table, "/users/7"), "/users/{id} id=7");
  EXPECT_EQ(pattern_of(table, "/users/7/posts/8"), "/users/{id}/posts/{post} id=7 post=8");
  EXPECT_EQ(pattern_of(table, "/users/7/posts/8/9"), "/users/{id}/{rest...} id=7 rest=posts/8/9");
  EXPECT_EQ(pattern_of(table, "/users/7/"), "/users/{id}/{rest...} id=7 rest=");
  EXPECT_EQ(pattern_of(table, "/files/a/b"), "/files/{path...} path=a/b");
  EXPECT_EQ(pattern_of(table, "/files/"), "/files/{path...} path=");
  EXPECT_EQ(pattern_of(table, "/files"), "none");
  EXPECT_EQ(pattern_of(table, "/a"), "none");
  EXPECT_EQ(pattern_of(table, "/a/"), "/a/");
}

TEST(Router, tells_what_is_allowed) {
  router r;
  r.get("/a", nothing).post("/a", nothing).put("/b", nothing).any("/c", nothing);
  const route_table table{std::move(r)};
  path_parameters none;
  EXPECT_EQ(table.find("/a", none)->allow, "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(table.find("/b", none)->allow, "PUT, OPTIONS");
  EXPECT_EQ(table.find("/c", none)->allow, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE");
  EXPECT_EQ(table.find("/c", none)->find(method::connect), nullptr);
}

TEST(Router, lets_a_method_of_its_own_win_over_any) {
  router r;
  r.any("/a", nothing).get("/a", precompiled{status::ok, "text/plain", "x"});
  const route_table table{std::move(r)};
  path_parameters none;
  EXPECT_TRUE(table.find("/a", none)->find(method::get)->answer.has_value());
  EXPECT_FALSE(table.find("/a", none)->find(method::put)->answer.has_value());
}

TEST(Router, knows_what_a_pattern_is) {
  for (const char* good : {"/", "/a", "/a/", "/{x}", "/a/{b}/c/{d...}"})
    EXPECT_TRUE(detail::is_pattern(good)) << good;
  for (const char* bad : {"", "a", "/{", "/{}", "/{x", "/{x...}/a", "/{...}", "/a{b}", "/{a.b}", "/a?b"})
    EXPECT_FALSE(detail::is_pattern(bad)) << bad;
}

TEST(RouterDeathTest, refuses_a_pattern_twice) {
  router r;
  r.get("/a", nothing);
  EXPECT_DEATH(r.get("/a", nothing), "given before");
  EXPECT_DEATH(r.get("a", nothing), "pattern");
}

#include <weft/http/router.hpp>

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include <weft/http/pattern.hpp>
#include <weft/http/response_block.hpp>
#include <weft/http/route_table.hpp>

using namespace weft::http;
using detail::path_parameters;
using detail::route_table;

namespace {

const auto nothing = [](request&, response&) {};

// A table that knows its patterns' texts, by the handlers' place.
struct table_of {
  explicit table_of(const std::vector<std::string>& given) : patterns{given}, table{made(given)} {}

  static router made(const std::vector<std::string>& given) {
    router r;
    for (std::size_t i = 0; i < given.size(); ++i) r.get(given[i], nothing, {.body_max = i});
    return r;
  }

  std::string find(std::string_view path, std::string_view host = "a") const {
    path_parameters parameters;
    const detail::route* const found = table.find(host, path, parameters).find(method::get);
    if (found == nullptr) return "none";
    std::string text = patterns[found->options.body_max];
    for (std::size_t i = 0; i < parameters.count; ++i)
      text += ' ' + found->names[i] + '=' + std::string{parameters.all[i]};
    return text;
  }

  std::vector<std::string> patterns;
  route_table table;
};

struct expectation {
  const char* path;
  const char* found;
};

void expect_all(const table_of& table, const std::vector<expectation>& all, std::string_view host = "a") {
  for (const auto& [path, found] : all) EXPECT_EQ(table.find(path, host), found) << path;
}

const detail::resource& at(const route_table& table, std::string_view path) {
  path_parameters none;
  return table.find("a", path, none);
}

}  // namespace

TEST(Router, finds_the_most_specific_pattern) {
  const table_of table{{"/", "/users", "/files/{path...}", "/users/{id}", "/users/me",
                        "/users/{id}/posts/{post}", "/users/{id}/{rest...}", "/a/"}};
  expect_all(table, {{"/", "/"},
                     {"/users", "/users"},
                     {"/users/", "none"},
                     {"/users/me", "/users/me"},
                     {"/users/m", "/users/{id} id=m"},
                     {"/users/meow", "/users/{id} id=meow"},
                     {"/users/7", "/users/{id} id=7"},
                     {"/users/7/posts/8", "/users/{id}/posts/{post} id=7 post=8"},
                     {"/users/7/posts/", "/users/{id}/{rest...} id=7 rest=posts/"},
                     {"/users/7/posts/8/9", "/users/{id}/{rest...} id=7 rest=posts/8/9"},
                     {"/users/7/", "/users/{id}/{rest...} id=7 rest="},
                     {"/users/me/x", "/users/{id}/{rest...} id=me rest=x"},
                     {"/files/a/b", "/files/{path...} path=a/b"},
                     {"/files/", "/files/{path...} path="},
                     {"/files//", "/files/{path...} path=/"},
                     {"/files", "none"},
                     {"/a", "none"},
                     {"/a/", "/a/"},
                     {"/a//", "none"},
                     {"//", "none"}});
}

// Where two patterns overlap and neither is more specific, the first segment in which they differ decides.
TEST(Router, decides_between_overlapping_patterns_from_left_to_right) {
  const table_of table{{"/a/{x}", "/{y}/b", "/{p...}", "/a/b/c/{t...}", "/{x}/{y}/{z}/d", "/a/{b}/c/d/e"}};
  expect_all(table, {{"/a/b", "/a/{x} x=b"},
                     {"/c/b", "/{y}/b y=c"},
                     {"/c/d", "/{p...} p=c/d"},
                     {"/", "/{p...} p="},
                     {"/a", "/{p...} p=a"},
                     {"/a/", "/{p...} p=a/"},
                     {"/a/b/c/d", "/a/b/c/{t...} t=d"},
                     {"/a/b/c/d/e", "/a/b/c/{t...} t=d/e"},
                     {"/a/x/c/d/e", "/a/{b}/c/d/e b=x"},
                     {"/a/x/c/d", "/{x}/{y}/{z}/d x=a y=x z=c"},
                     {"/a/b/c", "/{p...} p=a/b/c"},
                     {"/a//c/d", "/{p...} p=a//c/d"}});
}

TEST(Router, compares_percent_decoded_but_for_encoded_slashes) {
  const table_of table{
      {"/a b", "/x%2Fy", "/{one}", "/{one}/{two}", "/100%25", "/caf%C3%A9/{id}", "/%7Euser"}};
  expect_all(table, {{"/a%20b", "/a b"},
                     {"/%61%20b", "/a b"},
                     {"/x%2Fy", "/x%2Fy"},
                     {"/x%2fy", "/x%2Fy"},
                     {"/x/y", "/{one}/{two} one=x two=y"},
                     {"/a%2Fb", "/{one} one=a%2Fb"},
                     {"/a%2Fb/c", "/{one}/{two} one=a%2Fb two=c"},
                     {"/x%252Fy", "/{one} one=x%252Fy"},
                     {"/100%25", "/100%25"},
                     {"/100%2525", "/{one} one=100%2525"},
                     {"/caf%c3%a9/7", "/caf%C3%A9/{id} id=7"},
                     {"/caf%c3%aa/7", "/{one}/{two} one=caf%c3%aa two=7"},
                     {"/~user", "/%7Euser"},
                     {"/%7euser", "/%7Euser"},
                     {"/%7eusers", "/{one} one=%7eusers"},
                     {"/A b", "/{one} one=A b"}});
}

TEST(Router, goes_back_over_what_was_encoded) {
  const table_of table{{"/aaa/b/x", "/aaa/{p}/y", "/{q}/b/z", "/{t...}"}};
  expect_all(table, {{"/a%61a/%62/y", "/aaa/{p}/y p=%62"},
                     {"/%61%61%61/b/z", "/{q}/b/z q=%61%61%61"},
                     {"/a%61%61/%62/w", "/{t...} t=a%61%61/%62/w"}});
}

TEST(Router, prefers_the_patterns_of_the_requests_host) {
  const table_of table{
      {"/", "/{p...}", "example.org/", "Example.ORG/a/{id}", "[::1]/", "b.example.org/{p...}"}};
  expect_all(table, {{"/", "example.org/"}, {"/a/1", "Example.ORG/a/{id} id=1"}, {"/b", "/{p...} p=b"}},
             "eXample.org:8080");
  expect_all(table, {{"/", "/"}, {"/a/1", "/{p...} p=a/1"}}, "example.com");
  expect_all(table, {{"/", "[::1]/"}}, "[::1]:80");
  expect_all(table, {{"/", "b.example.org/{p...} p="}}, "b.example.org");
  expect_all(table, {{"/", "/"}}, "");
  expect_all(table, {{"/", "/"}}, "a.example.org");
}

TEST(Router, puts_groups_behind_their_prefix) {
  router r;
  r.get("/x", nothing, {.body_max = 1});
  router& api = r.group("/api");
  api.get("", nothing, {.body_max = 2}).get("/x", nothing, {.body_max = 3});
  api.group("/{version}").get("/x", nothing, {.body_max = 4});
  router moved{std::move(r)};
  api.group("").get("/y", nothing, {.body_max = 5});
  moved.group("example.org").group("/b").get("/", nothing, {.body_max = 6});
  const route_table table{std::move(moved)};
  const auto found = [&](std::string_view path, std::string_view host = "a") {
    path_parameters parameters;
    const detail::route* const route = table.find(host, path, parameters).find(method::get);
    return route == nullptr ? 0 : route->options.body_max;
  };
  EXPECT_EQ(found("/x"), 1u);
  EXPECT_EQ(found("/api"), 2u);
  EXPECT_EQ(found("/api/"), 0u);
  EXPECT_EQ(found("/api/x"), 3u);
  EXPECT_EQ(found("/api/2/x"), 4u);
  EXPECT_EQ(found("/api/y"), 5u);
  EXPECT_EQ(found("/b/", "example.org"), 6u);
  EXPECT_EQ(found("/b/"), 0u);
}

TEST(Router, tells_what_is_allowed) {
  router r;
  r.get("/a", nothing).post("/a", nothing).put("/b", nothing).any("/c", nothing).head("/d", nothing);
  r.del("/a/{id}", nothing).patch("/a/{other}", nothing).options("/a/{id}", nothing);
  const route_table table{std::move(r)};
  EXPECT_EQ(at(table, "/a").allow, "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(at(table, "/b").allow, "PUT, OPTIONS");
  EXPECT_EQ(at(table, "/c").allow, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE");
  EXPECT_EQ(at(table, "/c").find(method::connect), nullptr);
  EXPECT_EQ(at(table, "/d").allow, "HEAD, OPTIONS");
  EXPECT_EQ(at(table, "/a/1").allow, "PATCH, DELETE, OPTIONS");
  EXPECT_EQ(at(table, "/a/1").find(method::del)->names, std::vector<std::string>{"id"});
  EXPECT_EQ(at(table, "/a/1").find(method::patch)->names, std::vector<std::string>{"other"});
  EXPECT_NE(at(table, "/a/1").find(method::options), nullptr);
  EXPECT_EQ(at(table, "/e").answer_without_route(method::options).code(), status::not_found);
}

TEST(Router, lets_a_method_of_its_own_win_over_any) {
  router r;
  r.any("/a", nothing).get("/a", precompiled{status::ok, "text/plain", "x"});
  const route_table table{std::move(r)};
  EXPECT_TRUE(at(table, "/a").find(method::get)->answer.has_value());
  EXPECT_FALSE(at(table, "/a").find(method::put)->answer.has_value());
}

TEST(Router, keeps_the_options_of_a_route) {
  router r;
  r.get("/a", nothing, {.body_max = 7, .stack = weft::stack_class::mib1}).get("/b", nothing);
  r.use([](request&, response&, next n) { return n(); });
  const route_table table{std::move(r)};
  EXPECT_EQ(at(table, "/a").find(method::get)->options.stack, weft::stack_class::mib1);
  EXPECT_EQ(at(table, "/a").find(method::get)->options.body_max, 7u);
  EXPECT_EQ(at(table, "/b").find(method::get)->options.stack, weft::stack_class::kib64);
}

TEST(Router, knows_what_a_pattern_is) {
  detail::pattern p;
  for (const char* good :
       {"/", "/a", "/a/", "/{x}", "/a/{b}/c/{d...}", "a.example/", "[::1]/{x}", "//", "/%2f"})
    EXPECT_TRUE(detail::parse_pattern(good, p)) << good;
  for (const char* bad : {"",          "a",      "/{",    "/{}",      "/{x",
                          "/{x...}/a", "/{...}", "/a{b}", "/{a.b}",   "/a?b",
                          "/a#b",      "/{x}a",  "/%",    "/%zz",     "/%00",
                          "a:80/",     "a b/",   "{a}/",  "/{x}/{x}", "/{1}/{2}/{3}/{4}/{5}/{6}/{7}/{8}/{9}"})
    EXPECT_FALSE(detail::parse_pattern(bad, p)) << bad;
}

// The tree against the plain definition: of the patterns that match, the one that is most specific.
TEST(Router, finds_what_the_definition_says) {
  std::mt19937 random{1};
  const auto pick = [&](std::size_t n) { return random() % n; };
  const char* const segments[] = {"a", "b", "ab", "", "{x}", "{y}", "c%2Fd"};
  const char* const asked[] = {"a", "b", "ab", "", "%61", "a%62", "c%2fd", "abc"};
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> given;
    std::vector<std::string> shapes;
    std::vector<detail::pattern> parsed;
    for (int i = 0; i < 12; ++i) {
      std::string text;
      for (std::size_t n = 1 + pick(4); n != 0; --n) text += std::string{"/"} + segments[pick(7)];
      if (pick(4) == 0) text += "/{t...}";
      detail::pattern p;
      if (!detail::parse_pattern(text, p) || std::ranges::count(shapes, p.shape()) != 0) continue;
      given.push_back(text);
      shapes.push_back(p.shape());
      parsed.push_back(p);
    }
    const table_of table{given};
    for (int i = 0; i < 100; ++i) {
      std::string path;
      for (std::size_t n = 1 + pick(5); n != 0; --n) path += std::string{"/"} + asked[pick(8)];
      // Segment by segment: 0 literal, 1 {segment}, 2 {tail...}; the least string of these wins.
      std::string best = "none", best_rank = "3";
      for (std::size_t k = 0; k < given.size(); ++k) {
        std::string_view rest = path, shape = shapes[k];
        std::string rank;
        bool matches = true, done = false;
        while (matches && !done) {
          rest.remove_prefix(1), shape.remove_prefix(1);
          const std::string_view wanted = shape.substr(0, shape.find('/'));
          const std::string_view segment = rest.substr(0, rest.find('/'));
          if (wanted == "{...}") {
            rank += '2';
            break;
          }
          std::string plain{segment};
          for (const auto& [from, to] : {std::pair{"%61", "a"}, {"%62", "b"}})
            if (const auto where = plain.find(from); where != plain.npos) plain.replace(where, 3, to);
          if (const auto where = plain.find("%2f"); where != plain.npos)
            plain.replace(where, 3, 1, detail::encoded_slash);
          matches = wanted == "{}" ? !segment.empty() : plain == wanted;
          rank += wanted == "{}" ? '1' : '0';
          rest.remove_prefix(segment.size()), shape.remove_prefix(wanted.size());
          done = rest.empty() || shape.empty();
          matches = matches && rest.empty() == shape.empty();
        }
        if (matches && rank < best_rank) best = given[k], best_rank = rank;
      }
      const std::string found = table.find(path);
      EXPECT_EQ(found.substr(0, found.find(' ')), best) << path;
    }
  }
}

TEST(RouterDeathTest, refuses_a_pattern_twice) {
  router r;
  r.get("/a", nothing).get("/u/{id}", nothing);
  router& g = r.group("/g");
  g.get("/a", nothing);
  EXPECT_DEATH(r.get("/a", nothing), "given before");
  EXPECT_DEATH(r.get("/%61", nothing), "given before");
  EXPECT_DEATH(r.get("/u/{name}", nothing), "given before");
  EXPECT_DEATH(r.get("/g/a", nothing), "given before");
  EXPECT_DEATH(r.get("a", nothing), "pattern");
  EXPECT_DEATH(r.get("", nothing), "pattern");
  EXPECT_DEATH(r.group("/a/"), "slash");
}

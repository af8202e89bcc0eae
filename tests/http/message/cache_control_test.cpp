// What may be stored and for how long, and what it is found by.
#include <weft/http/message/cache_control.hpp>

#include <gtest/gtest.h>

#include <string>

#include <weft/http/cache/cache_key.hpp>

namespace {

using namespace weft::http;
using namespace std::chrono_literals;
using namespace std::string_literals;
using detail::read_terms;

constexpr std::int64_t now = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT

// Seconds; 0: not to be stored.
long fresh(std::string_view fields, status s = status::ok) {
  return static_cast<long>(read_terms(s, fields, 60s, now).fresh_for.count());
}

}  // namespace

TEST(StoringTerms, are_what_the_table_says) {
  const struct {
    const char* fields;
    long seconds;
    bool for_all;
  } table[] = {
      {"", 60, false},
      {"X: y\r\n", 60, false},
      {"Cache-Control: max-age=5\r\n", 5, false},
      {"cache-control: Max-Age=5\r\n", 5, false},
      {"Cache-Control: max-age=\"5\"\r\n", 5, false},
      {"Cache-Control: public, max-age=5\r\n", 5, true},
      {"Cache-Control: public\r\n", 60, true},
      {"Cache-Control: must-revalidate\r\n", 60, true},
      {"Cache-Control: max-age=5, s-maxage=7\r\n", 7, true},
      {"Cache-Control: s-maxage=0, max-age=5\r\n", 0, true},
      {"Cache-Control: max-age=5\r\nCache-Control: public\r\n", 5, true},
      {"Cache-Control: max-age=99999999999999999999999\r\n", 31556952, false},
      // not to be stored
      {"Cache-Control: no-store\r\n", 0, false},
      {"Cache-Control: NO-STORE\r\n", 0, false},
      {"Cache-Control: no-cache\r\n", 0, false},
      {"Cache-Control: private\r\n", 0, false},
      {"Cache-Control: private=\"x, public\", max-age=5\r\n", 0, false},
      {"Cache-Control: no-cache=\"set-cookie\", max-age=5\r\n", 0, false},
      {"Cache-Control: max-age=0\r\n", 0, false},
      {"Cache-Control: max-age=5\r\nCache-Control: no-store\r\n", 0, false},
      {"Set-Cookie: a=b\r\n", 0, false},
      {"Set-Cookie: a=b\r\nCache-Control: public, max-age=5\r\n", 0, false},
      {"Vary: *\r\n", 0, false},
      {"Vary: accept, *\r\n", 0, false},
      // ages that cannot be read, or contradict each other
      {"Cache-Control: max-age=x\r\n", 0, false},
      {"Cache-Control: max-age\r\n", 0, false},
      {"Cache-Control: max-age=-1\r\n", 0, false},
      {"Cache-Control: max-age=5s\r\n", 0, false},
      {"Cache-Control: max-age=5, max-age=3\r\n", 3, false},
      // words that only look like directives
      {"Cache-Control: x=\"no-store, private\"\r\n", 60, false},
      {"Cache-Control: x=\"a\\\", no-store\"\r\n", 60, false},
      {"Cache-Control: no-stores\r\n", 60, false},
      // Expires, which an age overrules
      {"Expires: Sun, 06 Nov 1994 08:49:57 GMT\r\n", 20, false},
      {"Expires: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 0, false},
      {"Expires: 0\r\n", 0, false},
      {"Expires: 0\r\nCache-Control: max-age=5\r\n", 5, false},
  };
  for (const auto& row : table) {
    EXPECT_EQ(fresh(row.fields), row.seconds) << row.fields;
    if (row.seconds != 0) {
      EXPECT_EQ(read_terms(status::ok, row.fields, 60s, now).for_all, row.for_all) << row.fields;
    }
  }
}

TEST(StoringTerms, go_by_the_status) {
  for (const status s : {status::ok, status::no_content, status::moved_permanently, status::not_found,
                         status::gone, status::permanent_redirect})
    EXPECT_EQ(fresh("", s), 60);
  for (const status s : {status::partial_content, status::not_modified, status::found, status::see_other,
                         status::unauthorized, status::forbidden, status::precondition_failed,
                         status::too_many_requests, status::internal_server_error, status::bad_gateway,
                         status::service_unavailable, status::created, status::temporary_redirect})
    EXPECT_EQ(fresh("Cache-Control: public, max-age=5\r\n", s), 0);
}

TEST(StoringTerms, name_what_the_response_varies_with) {
  EXPECT_EQ(read_terms(status::ok, "Vary: Accept-Language\r\nVary: ,Accept , X\r\n", 60s, now).vary,
            "accept-language,accept,x,");
  EXPECT_EQ(read_terms(status::ok, "X: Vary\r\n", 60s, now).vary, "");
}

TEST(CacheKey, sorts_queries_by_name_only) {
  EXPECT_EQ(detail::sorted_query("b=2&a=1"), "a=1&b=2");
  EXPECT_EQ(detail::sorted_query("a=2&b&a=1"), "a=2&a=1&b");
  EXPECT_EQ(detail::sorted_query("b&a&ab&a="), "a&a=&ab&b");
  EXPECT_EQ(detail::sorted_query("b=%61&a=+"), "a=+&b=%61");
  EXPECT_EQ(detail::sorted_query("b=1&%61=1"), "b=1&%61=1");  // %61 is a: which comes first matters
  EXPECT_EQ(detail::sorted_query(""), "");
  EXPECT_EQ(detail::sorted_query("&b&&a&"), "a&b");
  std::string many;
  for (int i = 0; i < 40; ++i) many += "p" + std::to_string(100 - i) + "&";
  EXPECT_EQ(detail::sorted_query(many), many);
}

TEST(CacheKey, tells_apart_what_may_differ) {
  using detail::cache_key;
  EXPECT_EQ(cache_key("Example.ORG", "/a?y=1&x=2"), "example.org\0/a\0x=2&y=1"s);
  EXPECT_EQ(cache_key("a", "/a?x&y"), cache_key("a", "/a?y&x"));
  EXPECT_NE(cache_key("a", "/a"), cache_key("b", "/a"));
  EXPECT_NE(cache_key("a", "/a"), cache_key("a", "/A"));
  EXPECT_NE(cache_key("a", "/a"), cache_key("a", "/a?"));
  EXPECT_NE(cache_key("a", "/a%2Fb"), cache_key("a", "/a/b"));
  EXPECT_EQ(detail::path_of_key(cache_key("a", "/a?x")), detail::path_of_key(cache_key("a", "/a")));
  EXPECT_EQ(detail::path_of_key(cache_key("a", "/a?x")), "a\0/a"s);
}

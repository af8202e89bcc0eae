// What is kept and what comes back: the rules of RFC 6265, section 5, one by one.
#include <weft/http/client/cookie_store.hpp>

#include <gtest/gtest.h>

#include <string>

using weft::http::detail::cookie_store;
using weft::http::detail::url;

namespace {

class CookieStore : public ::testing::Test {
 protected:
  static url at(std::string_view text) { return *url::parse(text); }
  void set(std::string_view from, std::string_view field) { store.set(at(from), field, now); }
  std::string sent(std::string_view to) { return store.field_for(at(to), now); }
  // What comes back to where it was set.
  std::string kept(std::string_view field, std::string_view where = "http://a.example.com/x/y") {
    store.clear();
    set(where, field);
    return sent(where);
  }

  cookie_store store{3, 6};
  std::int64_t now = 1'000'000'000;
};

}  // namespace

TEST_F(CookieStore, takes_names_and_values_as_they_are) {
  EXPECT_EQ(kept("a=b"), "a=b");
  EXPECT_EQ(kept("  a =\tb c ;Path=/"), "a=b c");
  EXPECT_EQ(kept("a=b=c"), "a=b=c");
  EXPECT_EQ(kept("a="), "a=");
  EXPECT_EQ(kept("a=\"b\"; HttpOnly; SameSite=None; Unknown=1;;"), "a=\"b\"");
  for (const std::string_view none : {"", "a", "=b", "; Path=/", "a=\x01", "a=b; Path=/\x7f"})
    EXPECT_EQ(kept(none), "") << none;
  EXPECT_EQ(kept("a=" + std::string(4095, 'v')).size(), 4097u);
  EXPECT_EQ(kept("a=" + std::string(4096, 'v')), "");
}

TEST_F(CookieStore, goes_to_the_host_that_set_it) {
  set("http://Example.COM/", "a=b");
  EXPECT_EQ(sent("http://example.com:8080/x"), "a=b");
  EXPECT_EQ(sent("http://www.example.com/"), "");
  EXPECT_EQ(sent("http://example.org/"), "");
  EXPECT_EQ(sent("http://com/"), "");
}

TEST_F(CookieStore, goes_to_the_hosts_of_its_domain) {
  set("http://www.example.com/", "a=b; Domain=.Example.com");
  EXPECT_EQ(sent("http://example.com/"), "a=b");
  EXPECT_EQ(sent("http://x.y.example.com/"), "a=b");
  EXPECT_EQ(sent("http://badexample.com/"), "");
}

TEST_F(CookieStore, refuses_foreign_domains) {
  for (const std::string_view domain :
       {"example.org", "com", "b.a.example.com", "xa.example.com", "example.com."})
    EXPECT_EQ(kept("a=b; Domain=" + std::string{domain}), "") << domain;
  EXPECT_EQ(kept("a=b; Domain=example.org; Domain=example.com"), "a=b");  // the last one counts
  EXPECT_EQ(kept("a=b; Domain="), "a=b");
  EXPECT_EQ(kept("a=b; Domain=localhost", "http://localhost/"), "a=b");
  EXPECT_EQ(kept("a=b; Domain=127.0.0.1", "http://127.0.0.1:81/"), "a=b");
  EXPECT_EQ(kept("a=b; Domain=0.0.1", "http://127.0.0.1:81/"), "");
  EXPECT_EQ(kept("a=b", "http://[::1]:81/"), "a=b");
}

TEST_F(CookieStore, goes_below_its_path) {
  set("http://h/x/y", "default=1");
  set("http://h/x/y", "given=2; Path=/x/y/");
  set("http://h/x/y", "wrong=3; Path=x");
  EXPECT_EQ(sent("http://h/x/y"), "default=1; wrong=3");
  EXPECT_EQ(sent("http://h/x/y/z?q"), "given=2; default=1; wrong=3");
  EXPECT_EQ(sent("http://h/x"), "default=1; wrong=3");
  EXPECT_EQ(sent("http://h/xy"), "");
  EXPECT_EQ(sent("http://h/?/x/"), "");
}

TEST_F(CookieStore, replaces_by_name_domain_and_path) {
  set("http://h/", "a=1");
  set("http://h/", "b=2");
  set("http://h/", "a=3");
  set("http://h/", "a=4; Path=/x");
  EXPECT_EQ(sent("http://h/"), "a=3; b=2");
  EXPECT_EQ(sent("http://h/x"), "a=4; a=3; b=2");
  EXPECT_EQ(store.size(), 3u);
}

TEST_F(CookieStore, forgets_at_its_time) {
  set("http://h/", "a=1; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
  set("http://h/", "b=2; Expires=Sun, 09 Sep 2001 01:46:50 GMT");  // now + 10
  set("http://h/", "c=3; Max-Age=never");
  now += 9;
  EXPECT_EQ(sent("http://h/"), "a=1; b=2; c=3");
  now += 1;
  EXPECT_EQ(sent("http://h/"), "c=3");
}

TEST_F(CookieStore, is_told_to_forget) {
  set("http://h/", "a=1");
  set("http://h/", "a=; Max-Age=0");
  EXPECT_EQ(store.size(), 0u);
  set("http://h/", "a=1");
  set("http://h/", "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(store.size(), 0u);
  EXPECT_EQ(kept("a=1; Max-Age=-99999999999999999999999"), "");
  EXPECT_EQ(kept("a=1; Max-Age=99999999999999999999999"), "a=1");
}

TEST_F(CookieStore, takes_nothing_that_wants_tls) {
  for (const std::string_view field : {"a=1; Secure", "__Secure-a=1", "__host-a=1; Path=/"})
    EXPECT_EQ(kept(field), "") << field;
}

TEST_F(CookieStore, has_bounds_and_forgets_what_was_sent_the_longest_ago) {
  for (const char* const name : {"a", "b", "c"})
    set("http://h/" + std::string{name} + "/", std::string{name} + "=1");
  EXPECT_EQ(sent("http://h/a/"), "a=1");
  set("http://h/d/", "d=1");  // for which b goes
  EXPECT_EQ(store.size(), 3u);
  EXPECT_EQ(sent("http://h/b/"), "");
  EXPECT_EQ(sent("http://h/a/"), "a=1");

  for (const char* const name : {"e", "f"}) set("http://i/", std::string{name} + "=1");
  set("http://j/", "k=1; Max-Age=5");
  EXPECT_EQ(store.size(), 6u);
  now += 5;
  set("http://l/", "m=1");  // for which what has expired goes
  EXPECT_EQ(store.size(), 6u);
  EXPECT_EQ(sent("http://h/c/"), "c=1");
  set("http://l/", "n=1");  // for which d goes
  EXPECT_EQ(store.size(), 6u);
  EXPECT_EQ(sent("http://h/d/"), "");
}

#include <weft/http/cache/sieve_cache.hpp>

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace {

using cache = weft::http::detail::sieve_cache<int>;

std::string kept(cache& c, std::string_view keys) {
  std::string found;
  for (const char key : keys)
    if (c.find({&key, 1}) != nullptr) found += key;
  return found;
}

void fill(cache& c, std::string_view keys) {
  for (const char key : keys) c.insert({&key, 1}, int{key}, 1);
}

}  // namespace

TEST(SieveCache, finds_what_was_put_in_last) {
  cache c{3, 10'000};
  EXPECT_EQ(c.find("a"), nullptr);
  EXPECT_TRUE(c.insert("a", 1, 1));
  EXPECT_TRUE(c.insert("a", 2, 1));
  ASSERT_NE(c.find("a"), nullptr);
  EXPECT_EQ(*c.find("a"), 2);
  EXPECT_EQ(c.size(), 1u);
  c.erase("a");
  c.erase("a");
  EXPECT_EQ(c.find("a"), nullptr);
  EXPECT_EQ(c.bytes(), 0u);
}

// The example of the paper: what was asked for stays, the hand goes on from where it was.
TEST(SieveCache, drops_the_oldest_that_was_not_asked_for) {
  cache c{4, 10'000};
  fill(c, "abcd");
  EXPECT_NE(c.find("a"), nullptr);
  EXPECT_NE(c.find("b"), nullptr);
  fill(c, "e");  // c goes; the hand stands at d, a and b have no mark any more
  EXPECT_NE(c.find("e"), nullptr);
  fill(c, "f");  // d
  fill(c, "g");  // e was asked for, f goes
  EXPECT_EQ(kept(c, "abcdefg"), "abeg");
  EXPECT_EQ(c.evictions(), 3u);
}

TEST(SieveCache, keeps_what_is_popular_through_a_scan) {
  cache c{100, 1'000'000};
  for (int i = 0; i < 50; ++i) c.insert("hot " + std::to_string(i), int{i}, 1);
  int found = 0;
  for (int i = 0; i < 10'000; ++i) {
    c.insert("cold " + std::to_string(i), int{i}, 1);
    found += c.find("hot " + std::to_string(i % 50)) != nullptr;
  }
  EXPECT_EQ(found, 10'000);
  EXPECT_EQ(c.size(), 100u);
}

TEST(SieveCache, counts_bytes) {
  cache c{100, 1000};
  EXPECT_FALSE(c.insert("a", 1, 1000));  // with its key and what an entry takes
  EXPECT_EQ(c.find("a"), nullptr);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(c.insert(std::to_string(i), int{i}, 300));
  EXPECT_EQ(c.size(), 2u);
  EXPECT_LE(c.bytes(), 1000u);
  EXPECT_EQ(c.evictions(), 8u);
  EXPECT_FALSE(c.insert("9", 1, 1000));  // and what was there is gone
  EXPECT_EQ(c.find("9"), nullptr);
}

TEST(SieveCache, without_room_holds_nothing) {
  cache none{0, 1000};
  EXPECT_FALSE(none.insert("a", 1, 1));
  EXPECT_EQ(none.find("a"), nullptr);
}

// Against a map that forgets nothing: what is found is right, and the bounds hold.
TEST(SieveCache, stays_sound_whatever_is_done_to_it) {
  std::mt19937 random{3};
  cache c{20, 4000};
  std::map<std::string, int> all;
  for (int i = 0; i < 50'000; ++i) {
    const std::string key = std::to_string(random() % 60);
    switch (random() % 4) {
      case 0:
        if (c.insert(key, int{i}, random() % 500)) all[key] = i;
        break;
      case 1: c.erase(key); break;
      default:
        if (const int* const found = c.find(key)) ASSERT_EQ(*found, all.at(key));
    }
    ASSERT_LE(c.size(), 20u);
    ASSERT_LE(c.bytes(), 4000u);
  }
}

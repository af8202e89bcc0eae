// Conditions and tags; the tables are in the manner of Go's net/http fs_test.go.
#include <weft/http/message/preconditions.hpp>

#include <gtest/gtest.h>

#include <string>

#include <weft/http/message/entity_tag.hpp>

namespace {

using namespace weft::http::detail;
using enum condition_answer;

constexpr const char* before = "Sun, 06 Nov 1994 08:49:36 GMT";
constexpr const char* same = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr const char* after = "Sun, 06 Nov 1994 08:49:38 GMT";
constexpr std::int64_t modified = 784111777;
constexpr validators strong{.etag = "\"a\"", .modified = modified, .now = 1'780'000'000};
constexpr validators weak{.etag = "W/\"a\"", .modified = modified, .now = 1'780'000'000};
constexpr validators nothing{.etag = "", .modified = std::nullopt, .now = 1'780'000'000};

struct row {
  conditions c;
  validators v;
  condition_answer reading, writing;
};

const row rows[] = {
    {{}, strong, go_on, go_on},
    // If-Match compares strongly
    {{.if_match = "*"}, strong, go_on, go_on},
    {{.if_match = "\"a\""}, strong, go_on, go_on},
    {{.if_match = "\"b\", \"a\""}, strong, go_on, go_on},
    {{.if_match = "\"b\""}, strong, precondition_failed, precondition_failed},
    {{.if_match = "W/\"a\""}, strong, precondition_failed, precondition_failed},
    {{.if_match = "W/\"a\""}, weak, precondition_failed, precondition_failed},
    {{.if_match = "a"}, strong, precondition_failed, precondition_failed},
    {{.if_match = ""}, strong, precondition_failed, precondition_failed},
    // and where it stands, If-Unmodified-Since does not count
    {{.if_match = "\"a\"", .if_unmodified_since = before}, strong, go_on, go_on},
    {{.if_match = "\"b\"", .if_unmodified_since = after}, strong, precondition_failed, precondition_failed},
    {{.if_unmodified_since = before}, strong, precondition_failed, precondition_failed},
    {{.if_unmodified_since = same}, strong, go_on, go_on},
    {{.if_unmodified_since = after}, strong, go_on, go_on},
    {{.if_unmodified_since = "yesterday"}, strong, go_on, go_on},
    {{.if_unmodified_since = before}, nothing, go_on, go_on},
    // If-None-Match compares weakly
    {{.if_none_match = "*"}, strong, not_modified, precondition_failed},
    {{.if_none_match = "\"a\""}, strong, not_modified, precondition_failed},
    {{.if_none_match = "W/\"a\""}, strong, not_modified, precondition_failed},
    {{.if_none_match = "\"a\""}, weak, not_modified, precondition_failed},
    {{.if_none_match = " , \"b\" ,, W/\"a\" "}, strong, not_modified, precondition_failed},
    {{.if_none_match = "\"b\""}, strong, go_on, go_on},
    {{.if_none_match = "a"}, strong, go_on, go_on},
    {{.if_none_match = "\"b\" \"a\""}, strong, go_on, go_on},
    {{.if_none_match = "*"}, nothing, not_modified, precondition_failed},
    {{.if_none_match = "\"a\""}, nothing, go_on, go_on},
    // and where it stands, If-Modified-Since does not count
    {{.if_none_match = "\"b\"", .if_modified_since = after}, strong, go_on, go_on},
    {{.if_none_match = "\"a\"", .if_modified_since = before}, strong, not_modified, precondition_failed},
    // If-Modified-Since is for reading
    {{.if_modified_since = before}, strong, go_on, go_on},
    {{.if_modified_since = same}, strong, not_modified, go_on},
    {{.if_modified_since = after}, strong, not_modified, go_on},
    {{.if_modified_since = "Sunday, 06-Nov-94 08:49:37 GMT"}, strong, not_modified, go_on},
    {{.if_modified_since = "0"}, strong, go_on, go_on},
    {{.if_modified_since = same}, nothing, go_on, go_on},
    // in order
    {{.if_match = "\"a\"", .if_none_match = "\"a\""}, strong, not_modified, precondition_failed},
    {{.if_match = "\"b\"", .if_none_match = "\"a\""}, strong, precondition_failed, precondition_failed},
    {{.if_unmodified_since = same, .if_modified_since = same}, strong, not_modified, go_on},
    {{.if_unmodified_since = before, .if_modified_since = after},
     strong,
     precondition_failed,
     precondition_failed},
};

bool counts(const char* if_range, const validators& v) { return range_counts({.if_range = if_range}, v); }

}  // namespace

TEST(Preconditions, are_evaluated_as_the_table_says) {
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    EXPECT_EQ(evaluate(rows[i].c, rows[i].v, true), rows[i].reading) << "row " << i;
    EXPECT_EQ(evaluate(rows[i].c, rows[i].v, false), rows[i].writing) << "row " << i;
  }
}

TEST(Preconditions, let_a_range_count_of_the_same_bytes_only) {
  EXPECT_TRUE(range_counts({}, strong));
  EXPECT_TRUE(counts("\"a\"", strong));
  EXPECT_FALSE(counts("\"b\"", strong));
  EXPECT_FALSE(counts("W/\"a\"", strong));
  EXPECT_FALSE(counts("W/\"a\"", weak));
  EXPECT_FALSE(counts("\"a\"", weak));
  EXPECT_FALSE(counts("\"a\"", nothing));
  EXPECT_TRUE(counts(same, strong));
  EXPECT_FALSE(counts(before, strong));
  EXPECT_FALSE(counts(after, strong));  // exactly, not at least
  EXPECT_FALSE(counts(same, nothing));
  EXPECT_FALSE(counts("a", strong));
  EXPECT_FALSE(counts("", strong));
  validators fresh = strong;
  fresh.now = modified + 2;
  EXPECT_FALSE(counts(same, fresh));  // there may be two versions of this second
  fresh.now = modified + 3;
  EXPECT_TRUE(counts(same, fresh));
}

TEST(EntityTag, holds_commas_and_bytes_above_ascii) {
  EXPECT_TRUE(holds_tag("\"a,b\"", "\"a,b\"", matches_strongly));
  EXPECT_TRUE(holds_tag("\"x\", \"\xc3\xa4\"", "\"\xc3\xa4\"", matches_strongly));
  EXPECT_TRUE(holds_tag("\"\"", "\"\"", matches_strongly));
  EXPECT_FALSE(holds_tag("\"a", "\"a", matches_strongly));
  EXPECT_FALSE(holds_tag("\"a b\"", "\"a b\"", matches_strongly));
  EXPECT_FALSE(holds_tag("w/\"a\"", "\"a\"", matches_weakly));
  EXPECT_FALSE(holds_tag("*, \"a\"", "\"a\"", matches_weakly));
}

TEST(EntityTag, of_a_file_differs_with_all_that_matters) {
  const std::string tag = file_tag({.seconds = 16, .nanoseconds = 31}, 255, "", false);
  EXPECT_EQ(tag, "\"10.1f-ff\"");
  EXPECT_EQ(file_tag({16, 31}, 255, "", true), "W/\"10.1f-ff\"");
  EXPECT_EQ(file_tag({16, 31}, 255, "br", false), "\"10.1f-ff-br\"");
  EXPECT_NE(file_tag({16, 32}, 255, "", false), tag);
  EXPECT_NE(file_tag({17, 31}, 255, "", false), tag);
  EXPECT_NE(file_tag({16, 31}, 256, "", false), tag);
  EXPECT_TRUE(holds_tag(tag, tag, matches_strongly));
}

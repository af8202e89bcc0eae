// The table is in the manner of Go's net/http range_test.go; cases are our own.
#include <weft/http/message/byte_range.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace weft::http::detail;

// "all", "none" for 416, or the ranges as "first+length".
std::string asked(std::string_view field, std::uint64_t size) {
  const byte_ranges found = parse_ranges(field, size);
  if (found.answer == range_answer::whole) return found.count == 0 ? "all" : "all with ranges";
  if (found.answer == range_answer::unsatisfiable) return found.count == 0 ? "none" : "none with ranges";
  std::string text;
  for (std::size_t i = 0; i < found.count; ++i)
    text +=
        (i == 0 ? "" : " ") + std::to_string(found.all[i].first) + "+" + std::to_string(found.all[i].length);
  return text;
}

struct row {
  const char* field;
  std::uint64_t size;
  const char* expected;
};

constexpr row rows[] = {
    {"bytes=0-4", 10, "0+5"},
    {"bytes=2-", 10, "2+8"},
    {"bytes=-5", 10, "5+5"},
    {"bytes=3-7", 10, "3+5"},
    {"bytes=0-0", 10, "0+1"},
    {"bytes=9-9", 10, "9+1"},
    {"bytes=0-", 10, "0+10"},
    {"Bytes=0-4", 10, "0+5"},  // names of units have no case
    // more than there is
    {"bytes=0-20", 10, "0+10"},
    {"bytes=9-99999999999999999999999999", 10, "9+1"},
    {"bytes=-20", 10, "0+10"},
    {"bytes=-99999999999999999999999999", 10, "0+10"},
    {"bytes=0-18446744073709551615", 10, "0+10"},
    // behind the end
    {"bytes=10-", 10, "none"},
    {"bytes=10-20", 10, "none"},
    {"bytes=99999999999999999999999999-", 10, "none"},
    {"bytes=-0", 10, "none"},
    {"bytes=10-,-0", 10, "none"},
    {"bytes=10-,0-1", 10, "0+2"},
    // several
    {"bytes=0-0,2-3", 10, "0+1 2+2"},
    {"bytes=0-4,-5", 10, "0+5 5+5"},
    {"bytes=5-,0-3", 10, "5+5 0+4"},
    {"bytes= 0-1 ,\t3-4 , 9- ", 10, "0+2 3+2 9+1"},
    {"bytes=,0-1,,3-3,", 10, "0+2 3+1"},
    // a bomb: more bytes together than there are, or more ranges than anybody needs
    {"bytes=0-,0-", 10, "all"},
    {"bytes=0-5,4-9", 10, "all"},
    {"bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,12-12,13-13,14-14,15-15", 99,
     "0+1 1+1 2+1 3+1 4+1 5+1 6+1 7+1 8+1 9+1 10+1 11+1 12+1 13+1 14+1 15+1"},
    {"bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,12-12,13-13,14-14,15-15,16-16", 99, "all"},
    {"bytes=99-,99-,99-,99-,99-,99-,99-,99-,99-,99-,99-,99-,99-,99-,99-,99-,99-", 99, "all"},
    // not well formed, so no range at all
    {"", 10, "all"},
    {"bytes", 10, "all"},
    {"bytes=", 10, "all"},
    {"bytes=,", 10, "all"},
    {"bytes=-", 10, "all"},
    {"bytes=5", 10, "all"},
    {"bytes=a-b", 10, "all"},
    {"bytes=4-2", 10, "all"},
    {"bytes=0-1,4-2", 10, "all"},
    {"bytes=20-12", 10, "all"},
    {"bytes=--5", 10, "all"},
    {"bytes=1--2", 10, "all"},
    {"bytes=0 - 4", 10, "all"},
    {"bytes=+1-2", 10, "all"},
    {"bytes=0x1-0x2", 10, "all"},
    {"bytes =0-4", 10, "all"},
    {"bytes:0-4", 10, "all"},
    {"lines=0-4", 10, "all"},
    {"bytes=0-4,x", 10, "all"},
    // of nothing
    {"bytes=0-", 0, "all"},
    {"bytes=-5", 0, "all"},
    {"bytes=0-4", 1, "0+1"},
};

}  // namespace

TEST(ByteRanges, are_what_the_table_says) {
  for (const row& r : rows) EXPECT_EQ(asked(r.field, r.size), r.expected) << r.field << " of " << r.size;
}

TEST(ByteRanges, reach_to_the_greatest_offset) {
  const byte_ranges found = parse_ranges("bytes=-1", UINT64_MAX);
  ASSERT_EQ(found.count, 1u);
  EXPECT_EQ(found.all[0].first, UINT64_MAX - 1);
  EXPECT_EQ(found.all[0].last(), UINT64_MAX - 1);
}

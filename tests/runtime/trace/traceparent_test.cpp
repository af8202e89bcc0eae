// traceparent and tracestate: what the W3C's rules let in, and nothing else.
#include <weft/runtime/trace/traceparent.hpp>

#include <string>

#include <gtest/gtest.h>

#include <weft/runtime/trace/tracestate.hpp>

namespace weft::trace {
namespace {

const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(Traceparent, is_read) {
  const auto got = parse_traceparent(good);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->trace.high, 0x4bf92f3577b34da6u);
  EXPECT_EQ(got->trace.low, 0xa3ce929d0e0e4736u);
  EXPECT_EQ(got->span, 0x00f067aa0ba902b7u);
  EXPECT_TRUE(got->sampled);
}

TEST(Traceparent, is_written_as_it_was_read) {
  EXPECT_EQ(traceparent{*parse_traceparent(good)}.text(), good);
  const std::string unsampled = good.substr(0, 53) + "00";
  EXPECT_EQ(traceparent{*parse_traceparent(unsampled)}.text(), unsampled);
}

TEST(Traceparent, of_its_flags_only_sampled_counts) {
  EXPECT_FALSE(parse_traceparent(good.substr(0, 53) + "fe")->sampled);
  EXPECT_TRUE(parse_traceparent(good.substr(0, 53) + "03")->sampled);
  EXPECT_EQ(traceparent{*parse_traceparent(good.substr(0, 53) + "ff")}.text(), good);
}

TEST(Traceparent, of_a_later_version_is_read_as_far_as_it_is_known) {
  EXPECT_TRUE(parse_traceparent("01" + good.substr(2)));
  EXPECT_TRUE(parse_traceparent("fe" + good.substr(2) + "-what-comes-later"));
  EXPECT_FALSE(parse_traceparent("01" + good.substr(2) + "x"));
  EXPECT_EQ(traceparent{*parse_traceparent("cc" + good.substr(2) + "-more")}.text(), good);
}

TEST(Traceparent, of_version_ff_is_none) { EXPECT_FALSE(parse_traceparent("ff" + good.substr(2))); }

TEST(Traceparent, with_an_id_of_zeroes_is_none) {
  EXPECT_FALSE(parse_traceparent("00-" + std::string(32, '0') + good.substr(35)));
  EXPECT_FALSE(parse_traceparent(good.substr(0, 36) + std::string(16, '0') + "-01"));
  EXPECT_TRUE(parse_traceparent("00-" + std::string(31, '0') + "1" + good.substr(35)));
}

TEST(Traceparent, of_another_length_is_none) {
  for (std::size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(parse_traceparent(good.substr(0, n))) << n;
  EXPECT_FALSE(parse_traceparent(good + "-"));
  EXPECT_FALSE(parse_traceparent(good + "-01"));
  EXPECT_FALSE(parse_traceparent(good + "0"));
  EXPECT_FALSE(parse_traceparent(" " + good));
}

TEST(Traceparent, takes_nothing_but_lower_case_digits_and_dashes_in_any_place) {
  for (std::size_t i = 0; i < good.size(); ++i)
    for (int c = 0; c < 256; ++c) {
      std::string other = good;
      other[i] = static_cast<char>(c);
      const bool dash = i == 2 || i == 35 || i == 52;
      const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
      EXPECT_EQ(parse_traceparent(other).has_value(), dash ? c == '-' : digit) << i << ' ' << c;
    }
}

TEST(Tracestate, is_a_list_of_keys_with_values) {
  for (const char* list :
       {"a=1", "a=1,b=2", " a=1 ,\tb=2 ", "a=1,,b=2", "1tenant@vendor=x y", "a_-*/=!~", "a= 1"})
    EXPECT_TRUE(is_tracestate(list)) << list;
  for (const char* list : {"", ",", "a", "a=", "=1", "A=1", "1a=1", "a=1=2", "a@=1", "@a=1", "a@1b=1",
                           "a=1,a=2", "a b=1", "a=\x7f", "a=\xc3\xa4", "a@b@c=1"})
    EXPECT_FALSE(is_tracestate(list)) << list;
}

TEST(Tracestate, has_a_limit_in_each_direction) {
  EXPECT_TRUE(is_tracestate("a=" + std::string(256, 'x')));
  EXPECT_FALSE(is_tracestate("a=" + std::string(257, 'x')));
  EXPECT_TRUE(is_tracestate(std::string(256, 'a') + "=1"));
  EXPECT_FALSE(is_tracestate(std::string(257, 'a') + "=1"));
  EXPECT_TRUE(is_tracestate("t@" + std::string(14, 'v') + "=1"));
  EXPECT_FALSE(is_tracestate("t@" + std::string(15, 'v') + "=1"));
  std::string list;
  for (int i = 0; i < 32; ++i) list += (i == 0 ? "k" : ",k") + std::to_string(i) + "=1";
  EXPECT_TRUE(is_tracestate(list));
  EXPECT_FALSE(is_tracestate(list + ",one=more"));
  EXPECT_FALSE(is_tracestate("a=" + std::string(250, 'x') + ",b=" + std::string(250, 'x') + ",cc=12345"));
}

}  // namespace
}  // namespace weft::trace

// result, WEFT_TRY, lifted and exit_status.
#include <weft/runtime/base/result.hpp>

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace {

using weft::errc;
using weft::result;

std::unexpected<std::error_code> failure(errc e) { return std::unexpected(weft::make_error_code(e)); }

result<int> number(int n) {
  if (n < 0) return failure(errc::limit);
  return n;
}

result<std::unique_ptr<int>> boxed(int n) { return std::make_unique<int>(WEFT_TRY(number(n))); }

result<void> check(int n) {
  WEFT_TRY(number(n));
  return {};
}

/// Can be moved, not copied, and says when it has been moved from.
struct once {
  explicit once(int v) : value{v} {}
  once(once&& other) noexcept : value{std::exchange(other.value, -1)} {}
  int value;
};

TEST(Try, gives_the_value) {
  const auto f = []() -> result<int> { return WEFT_TRY(number(20)) + 1; };
  EXPECT_EQ(f(), 21);
}

TEST(Try, returns_the_error_and_does_nothing_more) {
  int reached = 0;
  const auto f = [&](int n) -> result<std::string> {
    const int value = WEFT_TRY(number(n));
    ++reached;
    return std::to_string(value);
  };
  EXPECT_EQ(f(-1).error(), errc::limit);
  EXPECT_EQ(reached, 0);
  EXPECT_EQ(f(4), "4");
  EXPECT_EQ(reached, 1);
}

TEST(Try, may_stand_twice_in_one_expression) {
  const auto sum = [](int a, int b) -> result<int> { return WEFT_TRY(number(a)) + WEFT_TRY(number(b)); };
  EXPECT_EQ(sum(1, 2), 3);
  EXPECT_FALSE(sum(-1, 2));
  EXPECT_FALSE(sum(1, -2));
}

TEST(Try, may_stand_within_itself) {
  const auto f = [](int n) -> result<int> { return WEFT_TRY(number(WEFT_TRY(number(n)) - 1)); };
  EXPECT_EQ(f(1), 0);
  EXPECT_EQ(f(0).error(), errc::limit);
}

TEST(Try, moves_out_of_a_temporary) {
  const auto f = [](int n) -> result<int> {
    const std::unique_ptr<int> box = WEFT_TRY(boxed(n));
    const once moved = WEFT_TRY(result<once>{once{n + 1}});
    return *box + moved.value;
  };
  EXPECT_EQ(f(3), 7);
  EXPECT_EQ(f(-3).error(), errc::limit);
}

TEST(Try, copies_from_what_has_a_name_and_leaves_it) {
  const auto f = []() -> result<std::string> {
    result<std::string> named = "long enough to live on the heap, not inside the string";
    const std::string copy = WEFT_TRY(named);
    EXPECT_EQ(*named, copy);
    return WEFT_TRY(std::move(named));
  };
  EXPECT_EQ(f(), "long enough to live on the heap, not inside the string");
}

TEST(Try, works_on_result_of_nothing) {
  EXPECT_TRUE(check(1));
  EXPECT_EQ(check(-1).error(), errc::limit);
  const auto f = [](int n) -> result<int> {
    WEFT_TRY(check(n));
    const result<void> kept = check(n);
    WEFT_TRY(kept);
    return 5;
  };
  EXPECT_EQ(f(0), 5);
  EXPECT_FALSE(f(-1));
}

TEST(Try, takes_an_expression_with_commas) {
  const auto f = []() -> result<int> { return WEFT_TRY(result<std::pair<int, int>>{{1, 2}}).second; };
  EXPECT_EQ(f(), 2);
}

TEST(Lifted, never_nests) {
  static_assert(std::is_same_v<weft::lifted<int>, result<int>>);
  static_assert(std::is_same_v<weft::lifted<void>, result<void>>);
  static_assert(std::is_same_v<weft::lifted<result<int>>, result<int>>);
  static_assert(std::is_same_v<weft::lifted<result<void>>, result<void>>);
}

TEST(Result, is_told_from_other_types) {
  static_assert(weft::is_result<result<int>> && weft::is_result<result<void>>);
  static_assert(!weft::is_result<int> && !weft::is_result<std::expected<int, int>>);
  static_assert(weft::bare_error<std::unexpected<std::error_code>> && !weft::bare_error<result<int>>);
}

TEST(ExitStatus, is_zero_or_the_number) {
  EXPECT_EQ(weft::exit_status(result<void>{}), 0);
  EXPECT_EQ(weft::exit_status(result<int>{3}), 3);
  EXPECT_EQ(weft::exit_status(result<std::string>{"text"}), 0);
  EXPECT_EQ(weft::exit_status(result<bool>{true}), 0) << "true is not a failure";
  EXPECT_EQ(weft::exit_status(result<std::size_t>{17}), 0) << "a count of bytes is not a status";
}

TEST(ExitStatus, says_what_failed_and_is_one) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(weft::exit_status(result<int>{failure(errc::closed)}, "reading"), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "reading: closed\n");
  testing::internal::CaptureStderr();
  EXPECT_EQ(weft::exit_status(result<void>{failure(errc::protocol)}), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "protocol error\n");
}

}  // namespace

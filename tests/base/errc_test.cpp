// errc: names, messages, and what each equals.
#include <weft/runtime/base/errc.hpp>

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace {

using weft::errc;

constexpr std::pair<errc, std::errc> all[] = {
    {errc::closed, std::errc::bad_file_descriptor},
    {errc::canceled, std::errc::operation_canceled},
    {errc::deadline_exceeded, std::errc::timed_out},
    {errc::limit, std::errc::no_buffer_space},
    {errc::would_block, std::errc::operation_would_block},
    {errc::end_of_stream, std::errc::no_message_available},
    {errc::protocol, std::errc::protocol_error},
    {errc::unsupported, std::errc::operation_not_supported},
};

TEST(Errc, equals_its_std_twin_and_no_other) {
  for (const auto& [ours, theirs] : all) {
    const std::error_code code = ours;
    EXPECT_EQ(code, theirs);
    for (const auto& [other, twin] : all) EXPECT_EQ(code == twin, ours == other);
  }
}

// The kernel says ETIMEDOUT, weft says deadline_exceeded: one test on std::errc catches both.
TEST(Errc, shares_its_twin_with_the_kernel) {
  const std::error_code kernel{ETIMEDOUT, std::system_category()};
  const std::error_code ours = errc::deadline_exceeded;
  EXPECT_EQ(kernel, std::errc::timed_out);
  EXPECT_EQ(ours, std::errc::timed_out);
  EXPECT_NE(kernel, ours);
}

TEST(Errc, each_has_its_own_message) {
  std::set<std::string> messages;
  for (const auto& [ours, theirs] : all) {
    const std::error_code code = ours;
    EXPECT_EQ(code.message(), weft::detail::errc_message(code.value()));
    messages.insert(code.message());
  }
  EXPECT_EQ(messages.size(), std::size(all));
}

TEST(Errc, names_its_category) {
  EXPECT_STREQ(weft::weft_category().name(), "weft");
  EXPECT_EQ(&std::error_code{errc::limit}.category(), &weft::weft_category());
}

TEST(Errc, an_unknown_value_has_a_message_and_no_twin) {
  for (const int value : {-1, static_cast<int>(std::size(all)) + 1, 1000}) {
    const std::error_code code{value, weft::weft_category()};
    EXPECT_EQ(code.message(), "unknown weft error " + std::to_string(value));
    EXPECT_EQ(weft::detail::errc_message(value), nullptr);
    for (const auto& [ours, twin] : all) EXPECT_NE(code, twin);
  }
}

}  // namespace

// Guards by themselves: tried, installed in rows, counted, and the canary's eye.
#include <weft/pools/guard.hpp>

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "process_memory.hpp"

namespace weft::detail {
namespace {

using weft_test::refuses_write;

struct Guard : testing::Test {
  static constexpr std::size_t page = 4096, pages = 64;
  void SetUp() override {
    if (sysconf(_SC_PAGESIZE) != long{page}) GTEST_SKIP() << "written for pages of 4 KiB";
    memory = static_cast<std::byte*>(
        mmap(nullptr, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(memory, MAP_FAILED);
  }
  void TearDown() override {
    if (memory != nullptr) munmap(memory, pages * page);
  }
  std::byte* memory = nullptr;
};

TEST_F(Guard, a_page_without_access_works_everywhere) { EXPECT_TRUE(guard_works(guard_kind::mprotect)); }

TEST_F(Guard, a_row_of_guards_leaves_the_pages_between_accessible) {
  for (const guard_kind kind : {guard_kind::page_table, guard_kind::mprotect}) {
    if (!guard_works(kind)) continue;
    ASSERT_TRUE(install_guards(kind, memory, page, 4 * page, pages / 4));
    for (std::size_t i = 0; i < pages; ++i) EXPECT_EQ(refuses_write(memory + i * page), i % 4 == 0) << i;
    TearDown();
    SetUp();
  }
}

TEST_F(Guard, a_row_that_cannot_be_finished_is_taken_back) {
  for (const guard_kind kind : {guard_kind::page_table, guard_kind::mprotect}) {
    if (!guard_works(kind)) continue;
    munmap(memory + (pages / 2) * page, page);  // the ninth guard of the row
    EXPECT_FALSE(install_guards(kind, memory, page, 4 * page, pages / 4));
    for (std::size_t i = 0; i < pages; i += 4)
      if (i != pages / 2) {
        EXPECT_FALSE(refuses_write(memory + i * page)) << i;
      }
    TearDown();
    SetUp();
  }
}

TEST_F(Guard, a_canary_is_whole_until_something_is_written) {
  std::byte* const base = memory + page;
  EXPECT_TRUE(canary_intact(base));
  for (const std::size_t below : {std::size_t{1}, std::size_t{8}, std::size_t{100}, canary_bytes}) {
    *(base - below) = std::byte{1};
    EXPECT_FALSE(canary_intact(base)) << below;
    *(base - below) = std::byte{0};
    EXPECT_TRUE(canary_intact(base));
  }
  *base = std::byte{1};  // the stack's own
  EXPECT_TRUE(canary_intact(base));
}

TEST_F(Guard, half_of_the_mappings_is_the_programs_own) {
  const std::size_t most = mprotect_guards_max();
  EXPECT_GT(most, 0u);
  EXPECT_TRUE(charge_mprotect_guards(most, most));
  EXPECT_FALSE(charge_mprotect_guards(1, most));
  refund_mprotect_guards(most);
  EXPECT_TRUE(charge_mprotect_guards(1, most));
  refund_mprotect_guards(1);
}

}  // namespace
}  // namespace weft::detail

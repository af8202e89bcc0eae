// How much stack the fibers of each site use.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <source_location>
#include <sstream>
#include <string>
#include <string_view>

#include <sys/mman.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <leak_check.hpp>
#include <weft/runtime/inspect/stack_census.hpp>
#include <weft/runtime/inspect/stack_residency.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

class StackCensus : public weft_test::leak_check {};

options counting() {
  options o;
  o.workers = 1;
  o.stack_census = true;
  return o;
}

template <std::size_t Bytes>
WEFT_NOINLINE void use() {
  char some[Bytes];
  std::memset(some, 1, sizeof some);
  asm volatile("" : : "r"(some) : "memory");
}

stack_use of_function(std::string_view part) {
  for (const stack_use& use : stack_census())
    if (use.function.find(part) != std::string::npos) return use;
  return {};
}

struct small_one {};
struct deep_one {};

// The site of each test is named by a type.
template <class Tag, class F>
void counted(F f, stack_class size, int times) {
  const auto site = std::source_location::current();
  for (int i = 0; i < times; ++i) spawn(f, {.stack = size}, site).join();
}

TEST_F(StackCensus, tells_how_much_each_site_uses) {
  run(
      [] {
        counted<deep_one>(use<100'000>, stack_class::kib256, 3);
        counted<small_one>(use<200>, stack_class::kib256, 100);  // on the same stacks, one after the other
      },
      counting());
  const stack_use deep = of_function("deep_one"), small = of_function("small_one");
  EXPECT_EQ(deep.fibers, 3u);
  EXPECT_EQ(deep.stack, stack_class::kib256);
  EXPECT_GE(deep.bytes_max, 100'000u);
  EXPECT_LE(deep.bytes_max, 100'000u + 4 * 4096);
  EXPECT_GE(deep.bytes_p99, 100'000u);
  EXPECT_LE(deep.bytes_p99, deep.bytes_max);
  EXPECT_EQ(small.fibers, 100u);
  EXPECT_LE(small.bytes_max, 3u * 4096) << "what the one before left does not count";
  EXPECT_TRUE(deep.file.ends_with("stack_census_test.cpp"));
  EXPECT_GT(deep.line, 0u);
}

struct rarely_deep {};

TEST_F(StackCensus, the_99th_percentile_leaves_out_the_rarest) {
  run(
      [] {
        int turn = 0;
        counted<rarely_deep>(
            [&turn] {
              if (++turn == 150) use<40'000>();
            },
            stack_class::kib64, 200);
      },
      counting());
  const stack_use all = of_function("rarely_deep");
  EXPECT_EQ(all.fibers, 200u);
  EXPECT_GE(all.bytes_max, 40'000u);
  EXPECT_LE(all.bytes_p99, 3u * 4096);
}

struct not_counted {};

TEST_F(StackCensus, counts_only_where_it_is_wanted) {
  options o = counting();
  o.stack_census = false;
  run([] { counted<not_counted>([] {}, stack_class::kib64, 3); }, o);
  EXPECT_EQ(of_function("not_counted").fibers, 0u);
}

struct written {};

TEST_F(StackCensus, is_written_to_a_file_when_the_runtime_ends) {
  const auto path = std::filesystem::temp_directory_path() / ("weft_census_" + std::to_string(::getpid()));
  const std::string name = path.string();
  options o = counting();
  o.stack_census_file = name.c_str();
  run([] { counted<written>([] {}, stack_class::kib4, 7); }, o);
  std::stringstream text;
  text << std::ifstream{path}.rdbuf();
  std::filesystem::remove(path);
  EXPECT_EQ(text.str().rfind("{\"sites\":[\n{\"file\":\"", 0), 0u) << text.str();
  EXPECT_TRUE(text.str().ends_with("}\n],\"fibers_left_out\":0}\n")) << text.str();
  EXPECT_NE(text.str().find("\"stack_class\":\"kib4\",\"usable\":4096,\"fibers\":7,\"bytes_max\":4096"),
            std::string::npos)
      << text.str();
}

// Reading which pages there are brings none into being.
TEST_F(StackCensus, asking_for_the_pages_of_a_stack_touches_none) {
  const std::size_t size = detail::usable(stack_class::mib1);
  auto* const base = static_cast<std::byte*>(
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  ASSERT_NE(base, MAP_FAILED);
  ::madvise(base, size, MADV_NOHUGEPAGE);
  EXPECT_EQ(detail::resident_bytes(base, stack_class::mib1), 0u);
  EXPECT_EQ(detail::resident_bytes(base, stack_class::mib1), 0u);
  base[size - 1] = std::byte{1};
  EXPECT_EQ(detail::resident_bytes(base, stack_class::mib1), 4096u);
  base[size - 300'000] = std::byte{1};
  EXPECT_EQ(detail::resident_bytes(base, stack_class::mib1), (300'000u / 4096 + 1) * 4096);
  base[0] = std::byte{1};
  EXPECT_EQ(detail::resident_bytes(base, stack_class::mib1), size);
  ::munmap(base, size);
}

}  // namespace
}  // namespace weft

// Memory of one NUMA node. Where it lies is what the kernel says: move_pages(2).
#include <weft/pools/numa.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <weft/runtime/base/errc.hpp>

namespace weft {
namespace {

using detail::numa_topology;

constexpr const char* not_allowed = "mbind or move_pages is not allowed here";

unsigned some_node() { return numa_topology::read().nodes.back().id; }

TEST(Numa, memory_of_a_node_lies_there_all_of_it) {
  const unsigned node = some_node();
  const result<node_memory> memory = alloc_on_node(1 << 20, node);
  if (!memory && memory.error() == std::errc::operation_not_permitted) GTEST_SKIP() << not_allowed;
  ASSERT_TRUE(memory) << memory.error().message();
  EXPECT_EQ(memory->size(), 1u << 20);
  EXPECT_EQ(memory->node(), node);
  // Not by node_of(): this is what checks it.
  for (std::size_t at = 0; at < memory->size(); at += 4096) {
    void* page = memory->data() + at;
    int place = -1;
    ASSERT_EQ(::syscall(SYS_move_pages, 0, 1ul, &page, nullptr, &place, 0), 0);
    ASSERT_EQ(place, static_cast<int>(node)) << at;
    ASSERT_EQ(node_of(memory->data() + at + 17).value(), node);
  }
  EXPECT_TRUE(std::ranges::all_of(memory->bytes(), [](std::byte b) { return b == std::byte{0}; }));
}

TEST(Numa, memory_is_none_at_first_and_after_it_has_moved_away) {
  node_memory memory;
  EXPECT_TRUE(memory.bytes().empty());
  result<node_memory> made = alloc_on_node(4096, some_node());
  if (!made && made.error() == std::errc::operation_not_permitted) GTEST_SKIP() << not_allowed;
  ASSERT_TRUE(made) << made.error().message();
  memory = std::move(*made);
  EXPECT_GE(memory.size(), 4096u);
  EXPECT_TRUE(made->bytes().empty());  // NOLINT(bugprone-use-after-move): that is what is tested
}

TEST(Numa, the_size_is_rounded_up_to_pages) {
  const result<node_memory> memory = alloc_on_node(1, some_node());
  if (!memory && memory.error() == std::errc::operation_not_permitted) GTEST_SKIP() << not_allowed;
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->size() % 4096, 0u);
  EXPECT_GE(memory->size(), 4096u);
}

TEST(Numa, memory_goes_back_to_the_kernel) {
  const std::byte* where = nullptr;
  {
    const result<node_memory> memory = alloc_on_node(4096, some_node());
    if (!memory && memory.error() == std::errc::operation_not_permitted) GTEST_SKIP() << not_allowed;
    ASSERT_TRUE(memory);
    where = memory->data();
  }
  const result<unsigned> node = node_of(where);
  ASSERT_FALSE(node);
  EXPECT_EQ(node.error(), std::errc::bad_address);
}

TEST(Numa, a_node_that_is_not_there_and_nothing_are_errors) {
  const auto absent = alloc_on_node(4096, 1023);
  ASSERT_FALSE(absent);
  if (absent.error() == std::errc::operation_not_permitted) GTEST_SKIP() << not_allowed;
  EXPECT_EQ(absent.error(), std::errc::invalid_argument);
  EXPECT_EQ(alloc_on_node(4096, 1'000'000).error(), std::errc::invalid_argument);
  EXPECT_EQ(alloc_on_node(0, some_node()).error(), std::errc::invalid_argument);
  EXPECT_EQ(alloc_on_node(SIZE_MAX, some_node()).error(), std::errc::invalid_argument);
}

TEST(Numa, more_than_can_be_mapped_is_an_error_of_the_kernel) {
  const auto memory = alloc_on_node(std::size_t{1} << 60, some_node());
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error(), std::errc::not_enough_memory);
}

TEST(Numa, a_page_that_nobody_has_touched_lies_nowhere) {
  void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(page, MAP_FAILED);
  const result<unsigned> before = node_of(page);
  if (!before && before.error() == std::errc::operation_not_permitted) GTEST_SKIP() << not_allowed;
  ASSERT_FALSE(before);
  EXPECT_EQ(before.error(), std::errc::no_such_file_or_directory);
  *static_cast<volatile char*>(page) = 1;
  EXPECT_TRUE(node_of(page));
  ::munmap(page, 4096);
}

// --- which nodes there are

TEST(Numa, reads_lists_as_the_kernel_writes_them) {
  using detail::parse_cpu_list;
  using list = std::vector<unsigned>;
  EXPECT_EQ(parse_cpu_list("0\n"), (list{0}));
  EXPECT_EQ(parse_cpu_list("0-3"), (list{0, 1, 2, 3}));
  EXPECT_EQ(parse_cpu_list("0-1,8,10-11\n"), (list{0, 1, 8, 10, 11}));
  for (const char* const bad : {"", "\n", "a", "1-", "-1", "3-1", "1,,2", "1;2", "0-99999999"})
    EXPECT_EQ(parse_cpu_list(bad), list{}) << bad;
}

/// A folder as sysfs would have it.
class fake_nodes {
 public:
  explicit fake_nodes(const std::string& has_memory) {
    std::filesystem::create_directories(root);
    std::ofstream{root + "/has_memory"} << has_memory;
  }
  ~fake_nodes() { std::filesystem::remove_all(root); }
  void add(unsigned id, const std::string& cpus) const {
    std::filesystem::create_directories(root + "/node" + std::to_string(id));
    std::ofstream{root + "/node" + std::to_string(id) + "/cpulist"} << cpus << '\n';
  }

  const std::string root = testing::TempDir() + "weft_nodes_" + std::to_string(::getpid());
};

TEST(Numa, knows_the_nodes_with_memory_and_their_cpus) {
  const fake_nodes machine{"0,2\n"};
  machine.add(0, "0-1,4");
  machine.add(1, "6");  // without memory
  machine.add(2, "2-3,5");
  const numa_topology t = numa_topology::read(machine.root);
  ASSERT_EQ(t.nodes.size(), 2u);
  EXPECT_EQ(t.nodes[0].id, 0u);
  EXPECT_EQ(t.nodes[1].id, 2u);
  EXPECT_EQ(t.nodes[1].cpus, (std::vector<unsigned>{2, 3, 5}));
  EXPECT_EQ(t.index_of_cpu(4), 0u);
  EXPECT_EQ(t.index_of_cpu(5), 1u);
  EXPECT_EQ(t.index_of_cpu(6), 0u);
}

TEST(Numa, a_kernel_that_knows_of_none_has_one) {
  const numa_topology t = numa_topology::read("/nowhere");
  ASSERT_EQ(t.nodes.size(), 1u);
  EXPECT_EQ(t.nodes[0].id, 0u);
  EXPECT_GE(numa_nodes(), 1u);
}

}  // namespace
}  // namespace weft

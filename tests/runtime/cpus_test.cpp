// How many CPUs a cgroup leaves: quotas of both versions, of the group and of those around it.
#include <weft/runtime/cpus.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace weft {
namespace {

// A directory with what the kernel would show in /proc/self/cgroup and /sys/fs/cgroup.
class Cpus : public testing::Test {
 protected:
  Cpus() {
    char path[] = "/tmp/weft-cpus-XXXXXX";
    root_ = ::mkdtemp(path);
    std::filesystem::create_directories(root_ / "mount");
  }
  ~Cpus() override { std::filesystem::remove_all(root_); }

  void write(std::string_view name, std::string_view text) {
    const auto path = root_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream{path} << text;
  }
  unsigned quota() const {
    const std::string membership = root_ / "membership", mount = root_ / "mount";
    return detail::cgroup_cpus({.membership = membership.c_str(), .mount = mount.c_str()});
  }

  std::filesystem::path root_;
};

TEST_F(Cpus, a_quota_is_rounded_up) {
  write("membership", "0::/a/b\n");
  for (const auto& [text, cpus] : {std::pair{"150000 100000\n", 2u},
                                   {"100000 100000\n", 1u},
                                   {"1000 100000\n", 1u},
                                   {"400001 100000\n", 5u},
                                   {"99999999999999 1\n", 1024u}}) {
    write("mount/a/b/cpu.max", text);
    EXPECT_EQ(quota(), cpus) << text;
  }
}

TEST_F(Cpus, no_quota_is_no_limit) {
  EXPECT_EQ(quota(), 0u) << "there is nothing at all";
  write("membership", "0::/a/b\n");
  EXPECT_EQ(quota(), 0u) << "there is no such group";
  for (const char* text : {"max 100000\n", "", "-1 100000\n", "100000\n", "100000 0\n", "nonsense\n"}) {
    write("mount/a/b/cpu.max", text);
    EXPECT_EQ(quota(), 0u) << text;
  }
}

TEST_F(Cpus, the_smallest_quota_on_the_way_up_counts) {
  write("membership", "0::/a/b/c\n");
  write("mount/a/b/c/cpu.max", "800000 100000\n");
  write("mount/a/b/cpu.max", "max 100000\n");
  write("mount/a/cpu.max", "300000 100000\n");
  EXPECT_EQ(quota(), 3u);
  write("mount/a/b/cpu.max", "200000 100000\n");
  EXPECT_EQ(quota(), 2u);
  write("mount/cpu.max", "100000 100000\n");
  EXPECT_EQ(quota(), 1u);
}

TEST_F(Cpus, in_a_namespace_of_its_own_the_group_is_the_mount) {
  write("membership", "0::/\n");
  write("mount/cpu.max", "250000 100000\n");
  EXPECT_EQ(quota(), 3u);
}

TEST_F(Cpus, version_1_has_two_files) {
  write("membership", "4:cpu,cpuacct:/\n0::/\n");
  write("mount/cpu/cpu.cfs_quota_us", "150000\n");
  EXPECT_EQ(quota(), 0u) << "a quota of what?";
  write("mount/cpu/cpu.cfs_period_us", "50000\n");
  EXPECT_EQ(quota(), 3u);
  write("mount/cpu/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(quota(), 0u);
}

TEST_F(Cpus, a_directory_can_be_asked_itself) {
  write("mount/a/cpu.max", "100000 100000\n");
  write("mount/a/b/cpu.max", "max 100000\n");
  EXPECT_EQ(detail::quota_of_cgroup((root_ / "mount/a/b").c_str()), 1u);
  EXPECT_EQ(detail::quota_of_cgroup((root_ / "mount").c_str()), 0u);
  EXPECT_EQ(detail::quota_of_cgroup(std::string(5000, 'x').c_str()), 0u) << "longer than any";
}

TEST_F(Cpus, a_quota_limits_the_workers_and_never_adds_any) {
  const unsigned allowed = detail::affinity_cpus();
  EXPECT_EQ(detail::usable_cpus(0), allowed);
  EXPECT_EQ(detail::usable_cpus(1), 1u);
  EXPECT_EQ(detail::usable_cpus(allowed + 1), allowed);
}

}  // namespace
}  // namespace weft

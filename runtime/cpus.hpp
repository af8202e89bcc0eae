// How many CPUs this process may really use, and binding a thread to some of them.
#pragma once

#include <span>
#include <system_error>
#include <vector>

namespace weft::detail {

/// CPUs in the affinity mask of the calling thread, at least 1.
unsigned affinity_cpus() noexcept;

/// The CPUs that the quotas of a cgroup's directory and of those above it amount to: the smallest, rounded
/// up; 0: no limit. Source: cgroup-v2, cpu.max; v1, cpu.cfs_quota_us and cpu.cfs_period_us.
unsigned quota_of_cgroup(const char* directory) noexcept;

/// Where the kernel says which cgroup the process is in, and where the cgroups are.
struct cgroup_files {
  const char* membership = "/proc/self/cgroup";
  const char* mount = "/sys/fs/cgroup";
};

/// quota_of_cgroup() of the process's own.
unsigned cgroup_cpus(const cgroup_files& at = {}) noexcept;

/// The smaller of both: what options.workers = 0 means.
unsigned usable_cpus(unsigned quota = cgroup_cpus()) noexcept;

/// Workers of options::for_cli() where `cpus` may be used.
constexpr unsigned cli_workers(unsigned cpus) noexcept { return cpus < 4 ? cpus : 4; }

/// The CPUs in the affinity mask of the calling thread, in order; the kernel keeps it within the cpuset of
/// its process. Empty: the kernel does not say.
std::vector<unsigned> allowed_cpus();

/// Lets the calling thread run on these CPUs only, and reads back whether that is so. Errors: what the kernel
/// says; unsupported: it agreed, and did not do it.
std::error_code bind_to_cpus(std::span<const unsigned> cpus) noexcept;

}  // namespace weft::detail

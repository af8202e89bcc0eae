// How many CPUs this process may really use, and binding a thread to one of them.
#pragma once

#include <system_error>

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

/// Binds the calling thread to the `nth` CPU of its affinity mask, counted round and round.
std::error_code pin_to_cpu(unsigned nth) noexcept;

}  // namespace weft::detail

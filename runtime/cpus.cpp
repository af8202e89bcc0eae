#include <weft/runtime/cpus.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <weft/runtime/base/errc.hpp>

namespace weft::detail {
namespace {

// A set for more CPUs than any machine has that this runs on; a larger one makes sched_getaffinity fail with
// EINVAL.
constexpr int cpus_max = CPU_SETSIZE;

constexpr std::size_t path_max = 600;  // of a cgroup; a guess

bool read_text(const char* path, char* text, std::size_t size) noexcept {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t n = read(fd, text, size - 1);
  close(fd);
  if (n <= 0) return false;
  text[n] = '\0';
  return true;
}

unsigned rounded_up(long long quota, long long period) noexcept {
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<unsigned>(std::min<long long>((quota + period - 1) / period, cpus_max));
}

// The quota of one directory, in the words of either version; 0: none.
unsigned quota_here(const char* directory) noexcept {
  char file[path_max + 32];
  char text[64];
  long long quota = 0;
  long long period = 0;
  std::snprintf(file, sizeof file, "%s/cpu.max", directory);
  if (read_text(file, text, sizeof text))
    return std::sscanf(text, "%lld %lld", &quota, &period) == 2 ? rounded_up(quota, period) : 0;
  std::snprintf(file, sizeof file, "%s/cpu.cfs_quota_us", directory);
  if (!read_text(file, text, sizeof text)) return 0;
  quota = std::atoll(text);
  std::snprintf(file, sizeof file, "%s/cpu.cfs_period_us", directory);
  return read_text(file, text, sizeof text) ? rounded_up(quota, std::atoll(text)) : 0;
}

}  // namespace

unsigned affinity_cpus() noexcept {
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return 1;
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&mask)));
}

// What lies above the mount of the cgroups has no quota, so it does no harm to look there too.
unsigned quota_of_cgroup(const char* directory) noexcept {
  char path[path_max];
  if (std::snprintf(path, sizeof path, "%s", directory) >= static_cast<int>(sizeof path)) return 0;
  unsigned least = 0;
  for (;;) {
    const unsigned here = quota_here(path);
    if (here != 0 && (least == 0 || here < least)) least = here;
    char* const slash = std::strrchr(path, '/');
    if (slash == nullptr) return least;
    *slash = '\0';
  }
}

unsigned cgroup_cpus(const cgroup_files& at) noexcept {
  char membership[path_max];
  char path[2 * path_max];
  if (read_text(at.membership, membership, sizeof membership) && std::strncmp(membership, "0::", 3) == 0) {
    if (char* const end = std::strchr(membership, '\n')) *end = '\0';
    std::snprintf(path, sizeof path, "%s%s", at.mount, membership + 3);
  } else {
    // Version 1: of the mount, which is a container's own.
    std::snprintf(path, sizeof path, "%s/cpu", at.mount);
  }
  return quota_of_cgroup(path);
}

unsigned usable_cpus(unsigned quota) noexcept {
  const unsigned allowed = affinity_cpus();
  return quota == 0 ? allowed : std::min(allowed, quota);
}

std::vector<unsigned> allowed_cpus() {
  cpu_set_t mask;
  std::vector<unsigned> cpus;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return cpus;
  for (unsigned cpu = 0; cpu < cpus_max; ++cpu)
    if (CPU_ISSET(cpu, &mask)) cpus.push_back(cpu);
  return cpus;
}

std::error_code bind_to_cpus(std::span<const unsigned> cpus) noexcept {
  cpu_set_t wanted, got;
  CPU_ZERO(&wanted);
  CPU_ZERO(&got);
  for (const unsigned cpu : cpus)
    if (cpu < cpus_max) CPU_SET(cpu, &wanted);
  if (const int error = pthread_setaffinity_np(pthread_self(), sizeof wanted, &wanted); error != 0)
    return {error, std::system_category()};
  if (sched_getaffinity(0, sizeof got, &got) != 0) return {errno, std::system_category()};
  return CPU_EQUAL(&wanted, &got) ? std::error_code{} : make_error_code(errc::unsupported);
}

}  // namespace weft::detail

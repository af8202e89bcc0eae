// What the kernel says about this process's memory, for tests of what the pools cost.
#pragma once

#include <cerrno>
#include <cstddef>
#include <fstream>
#include <string>

#include <unistd.h>

namespace weft_test {

/// A line of /proc/self/status in bytes: "VmRSS", "VmPTE", "VmSize".
inline std::size_t status_bytes(const std::string& name) {
  std::ifstream status{"/proc/self/status"};
  std::string word;
  while (status >> word) {
    if (word != name + ":") continue;
    std::size_t kib = 0;
    status >> kib;
    return kib * 1024;
  }
  return 0;
}

/// How many VMAs the process has.
inline std::size_t mappings() {
  std::ifstream maps{"/proc/self/maps"};
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);) ++count;
  return count;
}

/// Whether the kernel refuses to write a byte to `at`, as it does for a guard.
inline bool refuses_write(std::byte* at) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  const bool refused = write(ends[1], "x", 1) == 1 && read(ends[0], at, 1) == -1 && errno == EFAULT;
  close(ends[0]);
  close(ends[1]);
  return refused;
}

}  // namespace weft_test

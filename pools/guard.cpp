// Guards are tried before they are trusted: a one-byte read(2) from a pipe into the guard must fail with
// EFAULT.
#include <weft/pools/guard.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <weft/runtime/base/atomic.hpp>

namespace weft::detail {
namespace {

// linux/mman.h, since 6.13; glibc 2.36 has neither.
constexpr int advice_guard_install = 102;
constexpr int advice_guard_remove = 103;

constinit atomic<std::size_t> mprotect_guards{0};  // of all runtimes: the limit is the process's

bool install_one(guard_kind kind, std::byte* at, std::size_t bytes) noexcept {
  if (kind == guard_kind::mprotect) return mprotect(at, bytes, PROT_NONE) == 0;
  int status;
  do {
    status = madvise(at, bytes, advice_guard_install);
  } while (status != 0 && errno == EINTR);  // it gives up when faults keep populating the range
  return status == 0;
}

void remove_one(guard_kind kind, std::byte* at, std::size_t bytes) noexcept {
  if (kind == guard_kind::mprotect) mprotect(at, bytes, PROT_READ | PROT_WRITE);
  else madvise(at, bytes, advice_guard_remove);
}

/// Whether the kernel refuses to write to `at`.
bool refuses_write(std::byte* at) noexcept {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return false;
  const char byte = 1;
  bool refused = false;
  if (write(ends[1], &byte, 1) == 1) refused = read(ends[0], at, 1) == -1 && errno == EFAULT;
  close(ends[0]);
  close(ends[1]);
  return refused;
}

}  // namespace

bool guard_works(guard_kind kind) noexcept {
  if (kind == guard_kind::canary) return true;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* const memory = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  auto* const bytes = static_cast<std::byte*>(memory);
  const bool works = install_one(kind, bytes, page) && refuses_write(bytes) && !refuses_write(bytes + page);
  munmap(memory, 2 * page);
  return works;
}

bool install_guards(guard_kind kind, std::byte* first, std::size_t bytes, std::size_t step,
                    std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    if (install_one(kind, first + i * step, bytes)) [[likely]]
      continue;
    for (std::size_t done = 0; done <= i; ++done) remove_one(kind, first + done * step, bytes);
    return false;
  }
  return true;
}

std::size_t mprotect_guards_max() noexcept {
  constexpr std::size_t reserve = 8192;  // mappings left to the program besides its half: a guess
  const int file = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
  std::size_t mappings = 65530;  // the kernel's default
  if (file >= 0) {
    char text[24]{};
    if (read(file, text, sizeof(text) - 1) > 0) mappings = std::strtoull(text, nullptr, 10);
    close(file);
  }
  return mappings > reserve ? (mappings - reserve) / 2 : 0;
}

bool charge_mprotect_guards(std::size_t count, std::size_t max) noexcept {
  const std::size_t before = mprotect_guards.fetch_add(count, std::memory_order_relaxed);
  if (before + count <= max) return true;
  refund_mprotect_guards(count);
  return false;
}

void refund_mprotect_guards(std::size_t count) noexcept {
  mprotect_guards.fetch_sub(count, std::memory_order_relaxed);
}

bool canary_intact(const std::byte* base) noexcept {
  std::uint64_t seen = 0;
  for (const std::byte* at = base - canary_bytes; at != base; at += sizeof(seen)) {
    std::uint64_t word;
    __builtin_memcpy(&word, at, sizeof(word));
    seen |= word;
  }
  return seen == 0;
}

}  // namespace weft::detail

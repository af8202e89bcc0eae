// Counts what a program takes from malloc, while it runs: loaded with LD_PRELOAD, it keeps the count in the
// file that WEFT_COUNT_MALLOC names, for others to read.
//
//   LD_PRELOAD=libcount_malloc.so WEFT_COUNT_MALLOC=/tmp/count program
//
// The file is 16 bytes: how many blocks were taken, and how many given back, in the machine's byte order.
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

extern "C" {  // glibc's own, by the names that it keeps for this
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);
}

namespace {

struct counts {
  std::atomic<std::uint64_t> taken{0};
  std::atomic<std::uint64_t> given{0};
};

constinit counts before_main;
constinit std::atomic<counts*> here{&before_main};

[[gnu::constructor]] void open_file() {
  const char* const path = std::getenv("WEFT_COUNT_MALLOC");
  if (path == nullptr) return;
  const int fd = ::open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void* const at = ::mmap(nullptr, sizeof(counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (at != MAP_FAILED) here.store(static_cast<counts*>(at), std::memory_order_release);
}

void* taken(void* block) noexcept {
  here.load(std::memory_order_acquire)->taken.fetch_add(1, std::memory_order_relaxed);
  return block;
}

}  // namespace

extern "C" {

void* malloc(std::size_t bytes) noexcept { return taken(__libc_malloc(bytes)); }
void* calloc(std::size_t count, std::size_t bytes) noexcept { return taken(__libc_calloc(count, bytes)); }
void* realloc(void* block, std::size_t bytes) noexcept { return taken(__libc_realloc(block, bytes)); }
void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
  return taken(__libc_memalign(alignment, bytes));
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept { return memalign(alignment, bytes); }

int posix_memalign(void** out, std::size_t alignment, std::size_t bytes) noexcept {
  void* const block = memalign(alignment, bytes);
  if (block == nullptr) return ENOMEM;
  *out = block;
  return 0;
}

void free(void* block) noexcept {
  if (block != nullptr) here.load(std::memory_order_acquire)->given.fetch_add(1, std::memory_order_relaxed);
  __libc_free(block);
}

}  // extern "C"

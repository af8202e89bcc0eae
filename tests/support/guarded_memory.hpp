// Memory between two pages that cannot be read: whoever touches one byte too many gets a fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

#include <sys/mman.h>

namespace weft_test {

class guarded_memory {
 public:
  /// At least `size` bytes, in whole pages.
  explicit guarded_memory(std::size_t size) : size_{(size + page - 1) / page * page} {
    void* const memory = ::mmap(nullptr, size_ + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc{};
    memory_ = static_cast<std::uint8_t*>(memory) + page;
    if (::mprotect(memory_, size_, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc{};
  }
  guarded_memory(const guarded_memory&) = delete;
  guarded_memory& operator=(const guarded_memory&) = delete;
  ~guarded_memory() { ::munmap(memory_ - page, size_ + 2 * page); }

  std::span<std::uint8_t> all() const noexcept { return {memory_, size_}; }
  /// The last `n` bytes: none is readable behind them.
  std::uint8_t* at_end(std::size_t n) const noexcept { return memory_ + size_ - n; }
  /// The first bytes: none is readable before them.
  std::uint8_t* at_begin() const noexcept { return memory_; }

 private:
  static constexpr std::size_t page = 65536;  // as large as any aarch64 kernel's
  std::size_t size_;
  std::uint8_t* memory_ = nullptr;
};

}  // namespace weft_test

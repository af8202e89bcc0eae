// Text that ends where readable memory ends: whoever reads one byte too far gets a fault.
#pragma once

#include <sys/mman.h>

#include <cstring>
#include <new>
#include <string_view>

/// A copy of up to `capacity` bytes whose last byte is the last before a page that cannot be read.
class guarded_text {
 public:
  explicit guarded_text(std::size_t capacity) : readable_{(capacity + page - 1) / page * page} {
    void* const memory =
        ::mmap(nullptr, readable_ + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc{};
    memory_ = static_cast<char*>(memory);
    ::mprotect(memory_ + readable_, page, PROT_NONE);
  }
  guarded_text(const guarded_text&) = delete;
  guarded_text& operator=(const guarded_text&) = delete;
  ~guarded_text() { ::munmap(memory_, readable_ + page); }

  std::string_view put(std::string_view text) {
    char* const at = memory_ + readable_ - text.size();
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
  }

 private:
  static constexpr std::size_t page = 4096;
  std::size_t readable_;
  char* memory_ = nullptr;
};

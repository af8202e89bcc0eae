#include <weft/io/mapping.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

#include <weft/io/blocking_call.hpp>

#ifndef MADV_POPULATE_READ  // Linux 5.14, glibc 2.35
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

namespace weft::io {
namespace {

std::size_t page_size() noexcept {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

}  // namespace

result<mapping> mapping::map(file& of, file_range range, mapping_access access, deadline until) {
  if (range.length == 0) {
    const std::uint64_t end = WEFT_TRY(of.size(until));
    range.length = end > range.offset ? end - range.offset : 0;
  }
  mapping made;
  made.access_ = access;
  if (range.length == 0) return made;
  const std::size_t skipped = range.offset % page_size();
  const int protection = access == mapping_access::read ? PROT_READ : PROT_READ | PROT_WRITE;
  const int kind = access == mapping_access::copy ? MAP_PRIVATE : MAP_SHARED;
  const result<void*> at = of.with_descriptor([&](int fd) -> result<void*> {
    void* const mapped = ::mmap(nullptr, range.length + skipped, protection, kind, fd,
                                static_cast<off_t>(range.offset - skipped));
    if (mapped == MAP_FAILED) return detail::system_error(errno);
    return mapped;
  });
  made.bytes_ = static_cast<std::byte*>(WEFT_TRY(at)) + skipped;
  made.size_ = range.length;
  made.skipped_ = skipped;
  return made;
}

mapping::~mapping() {
  if (bytes_ != nullptr) ::munmap(bytes_ - skipped_, size_ + skipped_);
}

void mapping::swap(mapping& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(size_, other.size_);
  std::swap(skipped_, other.skipped_);
  std::swap(access_, other.access_);
}

// The whole pages that hold `range`.
mapping::pages mapping::pages_of(file_range range) const noexcept {
  WEFT_ASSERT(range.offset <= size_ && range.length <= size_ - range.offset, "beyond the end of a mapping");
  const std::size_t length = range.length == 0 ? size_ - range.offset : range.length;
  std::byte* const first = bytes_ + range.offset;
  const std::size_t before = reinterpret_cast<std::uintptr_t>(first) % page_size();
  return {first - before, length + before};
}

result<void> mapping::load(file_range range, deadline until) {
  const int advice = access_ == mapping_access::read ? MADV_POPULATE_READ : MADV_POPULATE_WRITE;
  const result<void> loaded = advise(advice, range, until);
  // A kernel before 5.14 only begins to read.
  if (!loaded && loaded.error() == std::errc::invalid_argument) return advise(MADV_WILLNEED, range, until);
  return loaded;
}

result<void> mapping::advise(int advice, file_range range, deadline until) {
  const pages all = pages_of(range);
  if (size_ == 0) return {};
  WEFT_TRY(detail::blocking_call([&] { return ::madvise(all.begin, all.size, advice); }, until));
  return {};
}

result<void> mapping::sync(file_range range, deadline until) {
  const pages all = pages_of(range);
  if (size_ == 0) return {};
  WEFT_TRY(detail::blocking_call([&] { return ::msync(all.begin, all.size, MS_SYNC); }, until));
  return {};
}

}  // namespace weft::io

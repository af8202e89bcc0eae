// A file as memory.
//
// Touching a page that is not in memory stops the whole worker, with all its fibers, until the disk has
// brought it: the kernel cannot park a fiber in a page fault. So load() brings a range in on the offload pool
// first. If the file is cut shorter meanwhile, touching what is gone raises SIGBUS.
//
// The mapping outlives the file that it was made of. Source: mmap(2), madvise(2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <weft/io/file.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::io {

enum class mapping_access : std::uint8_t {
  read,
  write,  // writes go to the file
  copy    // writes stay in this process, and make pages of its own
};

class mapping {
 public:
  /// Maps `range` of `of`; length 0: up to its present end. An empty range gives an empty mapping.
  ///
  /// Blocks     the calling fiber, if it has to ask for the size.
  /// Errors     closed, canceled, deadline_exceeded; EACCES: the file was not opened for that; ENODEV: it
  ///            cannot be mapped.
  [[nodiscard]] static result<mapping> map(file& of, file_range range = {},
                                           mapping_access access = mapping_access::read, deadline until = {});

  /// Nothing.
  mapping() noexcept = default;
  mapping(mapping&& from) noexcept { swap(from); }
  mapping& operator=(mapping&& from) noexcept {
    mapping taken{static_cast<mapping&&>(from)};
    swap(taken);
    return *this;
  }
  /// Unmaps. What was written reaches the file in any case.
  ~mapping();

  std::span<const std::byte> bytes() const noexcept { return {bytes_, size_}; }

  /// Asserts that it was mapped for writing.
  std::span<std::byte> writable_bytes() noexcept {
    WEFT_ASSERT(access_ != mapping_access::read, "a mapping for reading was to be written");
    return {bytes_, size_};
  }

  std::size_t size() const noexcept { return size_; }

  // The ranges below count from the mapping's own beginning; length 0: up to its end.

  /// Brings `range` into memory, for writing too if it was mapped for that.
  ///
  /// Blocks     the calling fiber, until it is there.
  /// Errors     canceled, deadline_exceeded: nothing was done; EIO; EFAULT: touching it would raise SIGBUS,
  ///            as the file has been cut shorter, or the disk is too full to write to a hole of it.
  [[nodiscard]] result<void> load(file_range range = {}, deadline until = {});

  /// Returns when what was written to `range` is on the disk.
  [[nodiscard]] result<void> sync(file_range range = {}, deadline until = {});

  /// Says how `range` will be used. `advice`: MADV_*.
  [[nodiscard]] result<void> advise(int advice, file_range range = {}, deadline until = {});

 private:
  struct pages {
    std::byte* begin;
    std::size_t size;
  };

  void swap(mapping& other) noexcept;
  pages pages_of(file_range range) const noexcept;

  std::byte* bytes_ = nullptr;
  std::size_t size_ = 0;
  std::size_t skipped_ = 0;  // bytes of the first page that lie before the range
  mapping_access access_ = mapping_access::read;
};

}  // namespace weft::io

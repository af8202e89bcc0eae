// Many transfers at once: one submission for all, one wait for all, one result for each, in the order in
// which they were added.
//
//   io::batch b;
//   b.read(index, head, 0);
//   b.write(journal, entry, end);
//   auto results = b.wait_all(100ms);    // results[0], results[1]
//
// Reads that the page cache can serve are done on the spot, until the first that it cannot: then the others
// are likely to be cold too, and the ring takes them all. A batch may be used again and again, and allocates
// nothing once it has been as large as it will get.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <sys/uio.h>

#include <weft/io/file.hpp>
#include <weft/runtime/base/byte_view.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::io {

class batch {
 public:
  batch() noexcept;
  batch(const batch&) = delete;
  batch& operator=(const batch&) = delete;
  ~batch();

  // Each adds one transfer to the next wait_all() and gives its place among the results. The file and the
  // bytes are borrowed until that has returned; two transfers of one batch happen in any order.

  std::size_t read(file& from, std::span<std::byte> into, std::uint64_t offset);
  std::size_t readv(file& from, std::span<const iovec> into, std::uint64_t offset);
  std::size_t write(file& to, byte_view bytes, std::uint64_t offset);
  std::size_t writev(file& to, std::span<const iovec> bytes, std::uint64_t offset);

  /// Of a plain descriptor, which stays open until wait_all() has returned. Never from the page cache
  /// directly.
  std::size_t read(int from, std::span<std::byte> into, std::uint64_t offset);
  std::size_t write(int to, byte_view bytes, std::uint64_t offset);

  /// How many have been added.
  std::size_t size() const noexcept { return requests_.size(); }

  /// Does all that has been added; what is added after that is a new batch. Each result is what the file's
  /// own call would give: bytes, perhaps fewer than asked for, or its own error. Valid until the next
  /// wait_all().
  ///
  /// Blocks     the calling fiber until the last has ended. On a foreign thread, one after the other.
  /// Errors     each its own; deadline_exceeded, canceled: of those that had not ended by then.
  /// Cancelled  when the kernel has let go of every buffer.
  [[nodiscard]] std::span<const result<std::size_t>> wait_all(deadline until = {});

 private:
  struct request {
    detail::operation_code code;
    file* of;  // nullptr: `fd` is what the caller gave
    int fd;
    void* address;
    std::size_t length;
    std::uint64_t offset;
  };
  struct item;
  struct gathering;

  std::size_t add(const request& r);
  void begin(bool& cached_so_far, std::size_t index);
  void gather(deadline until) noexcept;
  void finish(std::size_t index, deadline until) noexcept;

  std::vector<request> requests_;
  std::vector<result<std::size_t>> results_;
  std::unique_ptr<item[]> items_;
  std::size_t room_ = 0;  // of items_
};

}  // namespace weft::io

// What was received, in a buffer of a worker's that goes back when this goes; or in memory of the receiver's
// own, when there was none to be had.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include <weft/io/lessee.hpp>
#include <weft/io/provided_buffers.hpp>

namespace weft::io {

/// Moves only. May end on any thread, and after the stream, the worker and the runtime; before its lessee.
class leased_bytes {
 public:
  /// Empty: the end of the stream.
  leased_bytes() noexcept = default;

  /// By weft: `bytes`, which begin where a buffer of `from` does that is out.
  leased_bytes(detail::provided_buffers& from, lessee& by, std::span<std::byte> bytes) noexcept
      : from_{&from}, by_{&by}, bytes_{bytes} {
    by.took();
  }

  /// By weft: no lease.
  static leased_bytes in_own_memory(std::span<std::byte> bytes) noexcept {
    leased_bytes made;
    made.bytes_ = bytes;
    return made;
  }

  leased_bytes(leased_bytes&& other) noexcept
      : from_{std::exchange(other.from_, nullptr)}, by_{other.by_}, bytes_{std::exchange(other.bytes_, {})} {}
  leased_bytes& operator=(leased_bytes&& other) noexcept {
    if (this == &other) return *this;
    end();
    from_ = std::exchange(other.from_, nullptr);
    by_ = other.by_;
    bytes_ = std::exchange(other.bytes_, {});
    return *this;
  }
  ~leased_bytes() { end(); }

  std::span<std::byte> bytes() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return bytes_.size(); }
  bool empty() const noexcept { return bytes_.empty(); }

  /// Whether they lie in a worker's buffer.
  bool leased() const noexcept { return from_ != nullptr; }

  /// Gives the buffer back. There are no bytes any more.
  void end() noexcept {
    if (from_ != nullptr) {
      std::exchange(from_, nullptr)->give_back(bytes_.data());
      by_->gave();
    }
    bytes_ = {};
  }

 private:
  detail::provided_buffers* from_ = nullptr;
  lessee* by_ = nullptr;
  std::span<std::byte> bytes_;
};

}  // namespace weft::io

// gzip and deflate undone, in as many steps as the bytes take to come.
//
// "deflate" is the zlib format, as RFC 9110 says, and not the bare one that some servers send. A build
// without zlib has the same class, which cannot be opened. Source: RFC 1950, 1951 and 1952.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <weft/runtime/base/result.hpp>

namespace weft::http::detail {

class inflater {
 public:
  enum class format : std::uint8_t { gzip, deflate };

  /// It takes 7 KiB, and 32 more as it goes.
  ///
  /// Errors     unsupported: this build has no zlib; not_enough_memory.
  [[nodiscard]] static result<inflater> open(format f);

  inflater(inflater&&) noexcept;
  inflater& operator=(inflater&&) noexcept;
  ~inflater();

  struct piece {
    std::size_t consumed;
    std::size_t produced;
  };
  /// Decodes on, until `in` is used up or `out` is full.
  ///
  /// Errors     protocol: it is not of that format, or not whole, or there is more behind it. gzip may follow
  ///            gzip.
  [[nodiscard]] result<piece> next(std::span<const std::byte> in, std::span<std::byte> out) noexcept;

  /// Whether nothing is missing.
  bool ended() const noexcept;

 private:
  struct state;
  explicit inflater(std::unique_ptr<state> s) noexcept;

  std::unique_ptr<state> state_;
};

}  // namespace weft::http::detail

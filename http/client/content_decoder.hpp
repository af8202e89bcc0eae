// The body of a response, with its content coding undone as it is read.
//
// A few bytes can stand for a thousand times as many: what comes out may not outgrow what came in by more
// than a limit, whatever the reader does with it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <weft/http/client/response_reader.hpp>
#include <weft/http/coding/inflater.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http::detail {

class content_decoder {
 public:
  /// Decoded bytes that are free of the limit.
  static constexpr std::uint64_t grace = std::uint64_t{1} << 20;

  /// What decodes the body that `from` is about to read; null if it has no coding, or one that is not known.
  /// `from` outlives it.
  ///
  /// Errors     as inflater::open().
  [[nodiscard]] static result<std::unique_ptr<content_decoder>> of(response_reader& from,
                                                                   std::size_t expansion_max);

  content_decoder(response_reader& from, inflater&& through, std::size_t expansion_max) noexcept
      : from_{from}, inflater_{std::move(through)}, expansion_max_{expansion_max} {}

  /// The next decoded bytes; 0 at the end.
  ///
  /// Errors     end_of_stream: the coding is cut; protocol: it is broken; limit: it expands too much; those
  ///            of response_reader::read().
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> into, deadline until);

 private:
  response_reader& from_;
  inflater inflater_;
  const std::size_t expansion_max_;
  std::uint64_t encoded_ = 0;
  std::uint64_t decoded_ = 0;
  std::size_t begin_ = 0;  // of what was read and not decoded
  std::size_t end_ = 0;
  bool source_ended_ = false;
  std::array<std::byte, 8 << 10> buffer_;
};

}  // namespace weft::http::detail

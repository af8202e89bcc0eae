#include <weft/http/client/content_decoder.hpp>

#include <optional>

#include <weft/http/message/ascii.hpp>

namespace weft::http::detail {
namespace {

std::optional<inflater::format> format_of(std::string_view coding) noexcept {
  if (equals_ignoring_case(coding, "gzip") || equals_ignoring_case(coding, "x-gzip"))
    return inflater::format::gzip;
  if (equals_ignoring_case(coding, "deflate")) return inflater::format::deflate;
  return std::nullopt;
}

}  // namespace

result<std::unique_ptr<content_decoder>> content_decoder::of(response_reader& from,
                                                             std::size_t expansion_max) {
  const auto format = format_of(from.head().find("content-encoding").value_or(std::string_view{}));
  if (!format || from.ended()) return nullptr;
  return std::make_unique<content_decoder>(from, WEFT_TRY(inflater::open(*format)), expansion_max);
}

result<std::size_t> content_decoder::read(std::span<std::byte> into, deadline until) {
  if (into.empty()) return std::size_t{0};
  for (;;) {
    if (begin_ == end_ && !source_ended_) {
      begin_ = end_ = 0;
      end_ = WEFT_TRY(from_.read(buffer_, until));
      source_ended_ = end_ == 0;
    }
    const auto got = WEFT_TRY(inflater_.next(std::span{buffer_}.subspan(begin_, end_ - begin_), into));
    begin_ += got.consumed;
    encoded_ += got.consumed;
    decoded_ += got.produced;
    if (decoded_ > grace && decoded_ / expansion_max_ > encoded_) return std::unexpected(errc::limit);
    if (got.produced != 0) return got.produced;
    if (!source_ended_) continue;
    if (encoded_ != 0 && !inflater_.ended()) return std::unexpected(errc::end_of_stream);
    return std::size_t{0};
  }
}

}  // namespace weft::http::detail

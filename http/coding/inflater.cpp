// With zlib.
#include <weft/http/coding/inflater.hpp>

#include <algorithm>
#include <climits>

#include <zlib.h>

namespace weft::http::detail {

struct inflater::state {
  state() = default;
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  ~state() { inflateEnd(&stream); }

  z_stream stream{};
  format of = format::gzip;
  bool ended = false;
};

inflater::inflater(std::unique_ptr<state> s) noexcept : state_{std::move(s)} {}
inflater::inflater(inflater&&) noexcept = default;
inflater& inflater::operator=(inflater&&) noexcept = default;
inflater::~inflater() = default;

result<inflater> inflater::open(format f) {
  constexpr int window = 15;  // of 32 KiB, the largest
  constexpr int gzip = 16;    // its header and trailer, and no other
  auto s = std::make_unique<state>();
  s->of = f;
  if (inflateInit2(&s->stream, f == format::gzip ? window + gzip : window) != Z_OK)
    return std::unexpected(std::make_error_code(std::errc::not_enough_memory));
  return inflater{std::move(s)};
}

result<inflater::piece> inflater::next(std::span<const std::byte> in, std::span<std::byte> out) noexcept {
  in = in.first(std::min<std::size_t>(in.size(), UINT_MAX));
  out = out.first(std::min<std::size_t>(out.size(), UINT_MAX));
  if (in.empty()) {
    if (state_->ended) return piece{0, 0};
  } else if (state_->ended) {
    if (state_->of != format::gzip || inflateReset(&state_->stream) != Z_OK)
      return std::unexpected(errc::protocol);
    state_->ended = false;
  }
  z_stream& s = state_->stream;
  s.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));  // zlib does not write to it
  s.avail_in = static_cast<uInt>(in.size());
  s.next_out = reinterpret_cast<Bytef*>(out.data());
  s.avail_out = static_cast<uInt>(out.size());
  const int outcome = inflate(&s, Z_NO_FLUSH);
  if (outcome != Z_OK && outcome != Z_STREAM_END && outcome != Z_BUF_ERROR)  // the last: no progress
    return std::unexpected(errc::protocol);
  state_->ended = outcome == Z_STREAM_END;
  return piece{in.size() - s.avail_in, out.size() - s.avail_out};
}

bool inflater::ended() const noexcept { return state_->ended; }

}  // namespace weft::http::detail

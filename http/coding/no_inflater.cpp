// Where there is no zlib: it cannot be opened, so nothing else is ever called.
#include <weft/http/coding/inflater.hpp>

namespace weft::http::detail {

struct inflater::state {};

inflater::inflater(std::unique_ptr<state> s) noexcept : state_{std::move(s)} {}
inflater::inflater(inflater&&) noexcept = default;
inflater& inflater::operator=(inflater&&) noexcept = default;
inflater::~inflater() = default;

result<inflater> inflater::open(format) { return std::unexpected(errc::unsupported); }

result<inflater::piece> inflater::next(std::span<const std::byte>, std::span<std::byte>) noexcept {
  return std::unexpected(errc::unsupported);
}

bool inflater::ended() const noexcept { return false; }

}  // namespace weft::http::detail

#include <weft/http/client/reply.hpp>

#include <algorithm>

#include <weft/http/client/client_exchange.hpp>
#include <weft/http/message/ascii.hpp>

namespace weft::http {

reply::reply(std::unique_ptr<detail::client_exchange> from, std::string url) noexcept
    : from_{std::move(from)}, url_{std::move(url)} {}
reply::reply(reply&&) noexcept = default;
reply& reply::operator=(reply&&) noexcept = default;
reply::~reply() = default;

http::status reply::status() const noexcept { return from_->head().status; }

std::optional<std::string_view> reply::header(std::string_view name) const noexcept {
  return from_->head().find(name);
}

std::vector<std::string_view> reply::headers(std::string_view name) const {
  const detail::response_head& head = from_->head();
  std::vector<std::string_view> found;
  found.reserve(head.field_count);
  for (std::size_t i = 0; i < head.field_count; ++i)
    if (detail::equals_ignoring_case(head.text(head.fields[i].name), name))
      found.push_back(head.text(head.fields[i].value));
  return found;
}

result<std::size_t> reply::read(std::span<std::byte> into, deadline until) {
  return from_->read_body(into, until);
}

result<std::string> reply::body(std::size_t max, deadline until) {
  constexpr std::size_t first = std::size_t{16} << 10;
  if (from_->left() > max) return std::unexpected(errc::limit);
  std::string all;
  for (;;) {
    // Room for what has come or is about to come, not for what was announced: that costs the server nothing.
    const std::size_t size = all.size();
    std::size_t room = std::max(size, first);
    if (from_->left() != 0) room = static_cast<std::size_t>(std::min<std::uint64_t>(room, from_->left()));
    room = std::min(room, max - size) + 1;  // one more, so that the end is seen
    all.resize_and_overwrite(size + room, [](char*, std::size_t all_of_it) { return all_of_it; });
    const auto got = read(std::as_writable_bytes(std::span{all}.subspan(size)), until);
    if (!got) return std::unexpected(got.error());
    all.resize(size + *got);
    if (all.size() > max) return std::unexpected(errc::limit);
    if (*got == 0) return all;
  }
}

}  // namespace weft::http

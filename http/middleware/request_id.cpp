#include <weft/http/middleware/request_id.hpp>

#include <algorithm>

#include <weft/http/message/ascii.hpp>
#include <weft/http/request.hpp>
#include <weft/http/response.hpp>

namespace weft::http {
namespace {

bool is_acceptable(std::string_view id) noexcept {
  return !id.empty() && id.size() <= 64 && std::ranges::all_of(id, [](char c) {
    const char lower = detail::to_lower(c);
    return (lower >= 'a' && lower <= 'z') || detail::is_digit(c) || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

request_id::request_id(request_id_options options) : options_{std::move(options)} {}

result<void> request_id::operator()(request& q, response& s, next n) const {
  const auto brought = options_.accept ? q.header(options_.field) : std::nullopt;
  if (brought && is_acceptable(*brought)) s.header(options_.field, *brought);
  else s.header(options_.field, ids_->take().text());
  return n();
}

}  // namespace weft::http

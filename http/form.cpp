#include <weft/http/form.hpp>

#include <algorithm>

#include <weft/http/message/status.hpp>
#include <weft/http/message/target.hpp>

namespace weft::http {
namespace {

bool decode(std::string_view text, std::string& into) {
  into = text;
  std::ranges::replace(into, '+', ' ');
  const std::size_t length = detail::decode_percent(into, into.data());
  if (length == detail::undecodable) return false;
  into.resize(length);
  return true;
}

}  // namespace

result<form> form::parse(std::string_view text, std::size_t fields_max) {
  form made;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    if (made.fields_.size() == fields_max) return std::unexpected(status::content_too_large);
    auto& [name, value] = made.fields_.emplace_back();
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (!decode(pair.substr(0, equals), name) ||
        !decode(pair.substr(std::min(equals + 1, pair.size())), value))
      return std::unexpected(status::bad_request);
  }
  return made;
}

}  // namespace weft::http

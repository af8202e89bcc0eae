#include <weft/http/cache/cache_key.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

#include <weft/http/message/ascii.hpp>

namespace weft::http::detail {

std::string sorted_query(std::string_view query) {
  struct parameter {
    std::string_view name, text;
  };
  std::array<parameter, 32> all;
  std::size_t count = 0;
  std::string_view rest = query;
  while (!rest.empty()) {
    const std::size_t ampersand = rest.find('&');
    const std::string_view text = rest.substr(0, ampersand), name = text.substr(0, text.find('='));
    rest = ampersand == rest.npos ? std::string_view{} : rest.substr(ampersand + 1);
    if (text.empty()) continue;
    if (count == all.size() || name.find_first_of("%+") != name.npos) return std::string{query};
    all[count++] = {name, text};
  }
  // By insertion: few, mostly in order, and without the buffer that a stable sort asks for.
  for (std::size_t i = 1; i < count; ++i) {
    const parameter moved = all[i];
    std::size_t at = i;
    for (; at > 0 && moved.name < all[at - 1].name; --at) all[at] = all[at - 1];
    all[at] = moved;
  }
  std::string sorted;
  sorted.reserve(query.size());
  for (std::size_t i = 0; i < count; ++i) sorted.append(i == 0 ? "" : "&").append(all[i].text);
  return sorted;
}

std::string cache_key(std::string_view host, std::string_view target) {
  const std::size_t mark = target.find('?');
  std::string key;
  key.reserve(host.size() + target.size() + 2);
  for (const char c : host) key += to_lower(c);
  key += '\0';
  key.append(target.substr(0, mark));
  // A path with a mark and nothing behind it is not the path without.
  if (mark != target.npos) (key += '\0') += sorted_query(target.substr(mark + 1));
  return key;
}

std::string_view path_of_key(std::string_view key) noexcept {
  return key.substr(0, key.find('\0', key.find('\0') + 1));
}

}  // namespace weft::http::detail

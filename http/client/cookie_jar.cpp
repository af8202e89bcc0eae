#include <weft/http/client/cookie_jar.hpp>

#include <ctime>
#include <mutex>

#include <weft/http/client/url.hpp>

namespace weft::http {

result<void> cookie_jar::set(std::string_view url, std::string_view field) {
  set(WEFT_TRY(detail::url::parse(url)), field);
  return {};
}

void cookie_jar::set(const detail::url& from, std::string_view field) {
  const std::scoped_lock held{lock_};
  cookies_.set(from, field, std::time(nullptr));
}

result<std::string> cookie_jar::field_for(std::string_view url) {
  return field_for(WEFT_TRY(detail::url::parse(url)));
}

std::string cookie_jar::field_for(const detail::url& to) {
  const std::scoped_lock held{lock_};
  return cookies_.field_for(to, std::time(nullptr));
}

std::size_t cookie_jar::size() const {
  const std::scoped_lock held{lock_};
  return cookies_.size();
}

void cookie_jar::clear() {
  const std::scoped_lock held{lock_};
  cookies_.clear();
}

}  // namespace weft::http

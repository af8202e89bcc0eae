#include <weft/net/unix_address.hpp>

#include <algorithm>
#include <cstring>
#include <system_error>

namespace weft::net {
namespace {

constexpr std::size_t head = offsetof(sockaddr_un, sun_path);
constexpr std::size_t name_max = sizeof(sockaddr_un{}.sun_path) - 1;  // a path has a NUL behind it

}  // namespace

result<unix_address> unix_address::parse(std::string_view text) noexcept {
  if (text.empty() || text == "@" || text.find('\0') != text.npos)
    return std::unexpected(std::make_error_code(std::errc::invalid_argument));
  if (text.size() > name_max) return std::unexpected(std::make_error_code(std::errc::filename_too_long));
  unix_address out;
  text.copy(out.storage_.sun_path, text.size());
  if (text.front() == '@') out.storage_.sun_path[0] = '\0';
  out.size_ = static_cast<socklen_t>(head + text.size());
  return out;
}

unix_address unix_address::from(const sockaddr_un& filled, socklen_t size) noexcept {
  unix_address out;
  if (size <= head) return out;
  std::size_t length = std::min<std::size_t>(size - head, sizeof filled.sun_path);
  const bool abstract = filled.sun_path[0] == '\0';
  if (!abstract) length = ::strnlen(filled.sun_path, std::min(length, name_max));
  std::memcpy(out.storage_.sun_path, filled.sun_path, length);
  out.size_ = static_cast<socklen_t>(head + length);
  return out;
}

std::string unix_address::string() const {
  std::string out{name()};
  if (is_abstract()) out.front() = '@';
  return out;
}

}  // namespace weft::net

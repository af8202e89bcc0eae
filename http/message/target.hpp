// What a request-target and a Host mean. Pure functions of text whose bytes the parser has already found to
// be allowed.
//
// Source: RFC 9112, section 3.2; RFC 3986, sections 2.1 and 3.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft::http::detail {

/// Whether `text` is uri-host [ ":" port ]: a name, an IPv4 address or a bracketed IPv6 address, and a port
/// up to 65535. No userinfo, and no comma, which the grammar allows but only a merge of two Hosts makes.
bool is_authority(std::string_view text) noexcept;

/// The host of an authority: without its port.
std::string_view host_of(std::string_view authority) noexcept;

/// Its port, or `usual` if it has none.
std::uint16_t port_of(std::string_view authority, std::uint16_t usual) noexcept;

/// Whether `text` is that with a port.
bool is_host_and_port(std::string_view text) noexcept;

/// Whether two authorities name the same host and port for `scheme` ("http" or "https"), whose default port
/// may be left out.
bool same_authority(std::string_view a, std::string_view b, std::string_view scheme) noexcept;

/// An absolute-form target in its parts; `scheme` is empty if it is none of http and https.
struct absolute_target {
  std::string_view scheme;
  std::string_view authority;
  std::string_view path_and_query;  // may be empty, and then means "/"
};
absolute_target split_absolute(std::string_view target) noexcept;

inline constexpr std::size_t undecodable = static_cast<std::size_t>(-1);

/// Writes `text` with every %XX decoded to `out`, which has room for text.size() bytes. Returns the length;
/// undecodable if a `%` is not followed by two hexadecimal digits, or for %00, which ends strings in too many
/// places.
std::size_t decode_percent(std::string_view text, char* out) noexcept;

}  // namespace weft::http::detail

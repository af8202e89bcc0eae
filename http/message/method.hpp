// The request methods that weft knows. They are case-sensitive: `get` is not GET. Source: RFC 9110, section
// 9; RFC 5789.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft::http {

enum class method : std::uint8_t { get, head, post, put, patch, del, options, connect, trace, other };

namespace detail {

inline constexpr std::size_t method_count = static_cast<std::size_t>(method::other) + 1;

/// "DELETE" for del; empty for other.
std::string_view method_name(method) noexcept;

/// The method of that name; other, for a name that is none of them.
method method_of(std::string_view name) noexcept;

}  // namespace detail
}  // namespace weft::http

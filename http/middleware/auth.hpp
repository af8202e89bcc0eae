// What a request says about who sends it: the Authorization field, taken apart. Source: RFC 9110, section
// 11.6.2; RFC 7617; RFC 6750.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <weft/http/request.hpp>

namespace weft::http {

struct credentials {
  std::string user;
  std::string password;
};

/// Of the Basic scheme; none if there are none, or if they are malformed.
std::optional<credentials> basic_credentials(const request& q);

/// The token of the Bearer scheme; none if there is none, or if it is malformed.
std::optional<std::string_view> bearer_token(const request& q) noexcept;

}  // namespace weft::http

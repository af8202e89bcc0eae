// The status codes of HTTP, which are error codes too: `return std::unexpected(status::not_found)` in a
// handler answers 404.
//
// The set is IANA's registry of 2026, without the codes that it calls unused or experimental. Source: RFC
// 9110, section 15.
#pragma once

#include <cstdint>
#include <string_view>
#include <system_error>

namespace weft::http {

enum class status : std::int16_t {
  continue_ = 100,
  switching_protocols = 101,
  early_hints = 103,

  ok = 200,
  created = 201,
  accepted = 202,
  non_authoritative_information = 203,
  no_content = 204,
  reset_content = 205,
  partial_content = 206,
  multi_status = 207,
  already_reported = 208,
  im_used = 226,

  multiple_choices = 300,
  moved_permanently = 301,
  found = 302,
  see_other = 303,
  not_modified = 304,
  use_proxy = 305,
  temporary_redirect = 307,
  permanent_redirect = 308,

  bad_request = 400,
  unauthorized = 401,
  payment_required = 402,
  forbidden = 403,
  not_found = 404,
  method_not_allowed = 405,
  not_acceptable = 406,
  proxy_authentication_required = 407,
  request_timeout = 408,
  conflict = 409,
  gone = 410,
  length_required = 411,
  precondition_failed = 412,
  content_too_large = 413,
  uri_too_long = 414,
  unsupported_media_type = 415,
  range_not_satisfiable = 416,
  expectation_failed = 417,
  misdirected_request = 421,
  unprocessable_content = 422,
  locked = 423,
  failed_dependency = 424,
  too_early = 425,
  upgrade_required = 426,
  precondition_required = 428,
  too_many_requests = 429,
  request_header_fields_too_large = 431,
  unavailable_for_legal_reasons = 451,

  internal_server_error = 500,
  not_implemented = 501,
  bad_gateway = 502,
  service_unavailable = 503,
  gateway_timeout = 504,
  http_version_not_supported = 505,
  variant_also_negotiates = 506,
  insufficient_storage = 507,
  loop_detected = 508,
  network_authentication_required = 511,
};

/// "Not Found" for 404. Empty for a code that the registry does not know.
std::string_view reason_phrase(status) noexcept;

/// The category of status; its name is "http".
const std::error_category& status_category() noexcept;

std::error_code make_error_code(status) noexcept;

/// The status that answers a handler's error: a status itself, 504 for deadline_exceeded, 503 for limit, what
/// its category gives as its condition if that is a status (as jwt_error's does), else 500.
status status_of(const std::error_code&) noexcept;

namespace detail {

/// Whether a response of that status ends with its head whatever was asked. Source: RFC 9112, section 6.3.
constexpr bool is_bodiless(status s) noexcept {
  return static_cast<int>(s) < 200 || s == status::no_content || s == status::not_modified;
}

}  // namespace detail
}  // namespace weft::http

template <>
struct std::is_error_code_enum<weft::http::status> : std::true_type {};

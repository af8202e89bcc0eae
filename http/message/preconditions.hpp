// Whether a request wants what there is, by the conditions that it makes: If-Match and its kin.
//
// Source: RFC 9110, section 13; the order is that of 13.2.2.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weft::http::detail {

/// The fields of a request that make conditions.
struct conditions {
  std::optional<std::string_view> if_match{};
  std::optional<std::string_view> if_unmodified_since{};
  std::optional<std::string_view> if_none_match{};
  std::optional<std::string_view> if_modified_since{};
  std::optional<std::string_view> if_range{};
};

/// What is known of the representation that would be sent.
struct validators {
  std::string_view etag{};                 // empty: it has none
  std::optional<std::int64_t> modified{};  // seconds since 1970
  std::int64_t now = 0;                    // the same
};

enum class condition_answer : std::uint8_t {
  go_on,
  not_modified,         // 304
  precondition_failed,  // 412
};

/// Of a representation that exists. `reads`: the method is GET or HEAD.
condition_answer evaluate(const conditions& c, const validators& v, bool reads) noexcept;

/// Whether the Range of a request counts, by its If-Range, if there is one.
bool range_counts(const conditions& c, const validators& v) noexcept;

}  // namespace weft::http::detail

// The conditions that a request makes, from its fields.
#pragma once

#include <weft/http/message/preconditions.hpp>
#include <weft/http/request.hpp>

namespace weft::http::detail {

inline conditions conditions_of(const request& q) noexcept {
  return {.if_match = q.header("if-match"),
          .if_unmodified_since = q.header("if-unmodified-since"),
          .if_none_match = q.header("if-none-match"),
          .if_modified_since = q.header("if-modified-since"),
          .if_range = q.header("if-range")};
}

}  // namespace weft::http::detail

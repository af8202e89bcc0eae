// The conditions that a request makes, from its fields.
#pragma once

#include <weft/http/field_list.hpp>
#include <weft/http/message/preconditions.hpp>
#include <weft/http/request.hpp>

namespace weft::http::detail {

class request_conditions {
 public:
  explicit request_conditions(const request& q)
      : match_{q, "if-match"},
        none_match_{q, "if-none-match"},
        fields_{.if_match = match_.text(),
                .if_unmodified_since = q.header("if-unmodified-since"),
                .if_none_match = none_match_.text(),
                .if_modified_since = q.header("if-modified-since"),
                .if_range = q.header("if-range")} {}
  request_conditions(const request_conditions&) = delete;
  request_conditions& operator=(const request_conditions&) = delete;

  const conditions& fields() const noexcept { return fields_; }

 private:
  const field_list match_, none_match_;
  const conditions fields_;
};

}  // namespace weft::http::detail

// The conditions that a request makes, from its fields. What is said in several lines counts as one list.
//
// Source: RFC 9110, section 5.3.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <weft/http/message/preconditions.hpp>
#include <weft/http/request.hpp>

namespace weft::http::detail {

class request_conditions {
 public:
  explicit request_conditions(const request& q)
      : fields_{.if_match = list(q, "if-match", match_),
                .if_unmodified_since = q.header("if-unmodified-since"),
                .if_none_match = list(q, "if-none-match", none_match_),
                .if_modified_since = q.header("if-modified-since"),
                .if_range = q.header("if-range")} {}
  request_conditions(const request_conditions&) = delete;
  request_conditions& operator=(const request_conditions&) = delete;

  const conditions& fields() const noexcept { return fields_; }

 private:
  // The lines of that name, put together in `room` if there are several.
  static std::optional<std::string_view> list(const request& q, std::string_view name, std::string& room) {
    std::optional<std::string_view> all;
    for (const std::string_view line : q.headers(name)) {
      if (all) all = room.append(room.empty() ? *all : "").append(", ").append(line);
      else all = line;
    }
    return all;
  }

  std::string match_, none_match_;
  const conditions fields_;
};

}  // namespace weft::http::detail

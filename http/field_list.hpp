// A field that is a list, whole: what a request says in several lines counts as one.
//
// Source: RFC 9110, section 5.3.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <weft/http/request.hpp>

namespace weft::http::detail {

class field_list {
 public:
  field_list(const request& q, std::string_view name) {
    for (const std::string_view line : q.headers(name)) {
      if (all_) all_ = room_.append(room_.empty() ? *all_ : "").append(", ").append(line);
      else all_ = line;
    }
  }
  field_list(const field_list&) = delete;
  field_list& operator=(const field_list&) = delete;

  /// As long as the request and this live. None: there is no such line.
  const std::optional<std::string_view>& text() const noexcept { return all_; }

 private:
  std::string room_;  // the lines put together, if there are several
  std::optional<std::string_view> all_;
};

}  // namespace weft::http::detail

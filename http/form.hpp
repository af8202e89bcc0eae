// The fields of a form that was sent as application/x-www-form-urlencoded: what a page's form sends unless it
// has files. request::form() reads one. Source: URL Living Standard, section 5.1.
#pragma once

#include <cstddef>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weft/runtime/base/result.hpp>

namespace weft::http {

class form {
 public:
  /// Takes the text apart, with %XX and + decoded.
  ///
  /// Errors     status::bad_request: a % without two hexadecimal digits, or %00; content_too_large: more than
  ///            `fields_max` fields.
  [[nodiscard]] static result<form> parse(std::string_view text, std::size_t fields_max = 1000);

  /// The first value of that name; a name without `=` has an empty one.
  std::optional<std::string_view> field(std::string_view name) const noexcept {
    for (const auto& f : fields_)
      if (f.first == name) return f.second;
    return std::nullopt;
  }
  /// All values of that name, in their order.
  auto fields(std::string_view name) const noexcept {
    return fields_ | std::views::filter([name](const auto& f) { return f.first == name; }) |
           std::views::transform([](const auto& f) -> std::string_view { return f.second; });
  }
  /// All names and values, in their order.
  const std::vector<std::pair<std::string, std::string>>& fields() const noexcept { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace weft::http

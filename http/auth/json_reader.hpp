// As much of JSON as a token needs: the members of an object, and strings, numbers and lists of strings among
// their values. Source: RFC 8259.
//
// Strict: the text is one value and nothing else, no name stands twice, and an escape says a code point.
// Bytes beyond ASCII pass as they are.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::http::detail {

struct json_member {
  std::string name;
  std::string_view value;  // as it stands in the text
};

/// The members of the object that `text` is; none if it is none, or one with over 100 members in it or in an
/// object inside. Cost: grows with the square of their number.
std::optional<std::vector<json_member>> read_json_object(std::string_view text);

/// The values, of the text of one; none if it is of another kind.
std::optional<std::string> read_json_string(std::string_view value);
std::optional<double> read_json_number(std::string_view value);
std::optional<std::vector<std::string>> read_json_strings(std::string_view value);

}  // namespace weft::http::detail

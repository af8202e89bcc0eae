// What a route's pattern says: an optional host, then the segments of a path.
//
// "/users", "/users/{id}" where {id} stands for one segment that is not empty, "/files/{path...}" where the
// last stands for all that is left, even nothing; "example.org/users" for one host only. Literal text may be
// percent-encoded, and says the same as the text that it stands for: "/a%20b" and "/a b" are one pattern. An
// encoded slash belongs to its segment, and is not the slash between two.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace weft::http::detail {

/// An encoded slash, in text that is decoded otherwise. No path holds it: %00 is refused.
inline constexpr char encoded_slash = '\0';

/// At most so many parameters in one pattern.
inline constexpr std::size_t parameters_max = 8;

struct pattern {
  enum class kind : unsigned char { literal, segment, tail };

  /// A run of literal text with its slashes, decoded but for encoded_slash; or a parameter.
  struct part {
    kind is = kind::literal;
    std::string text;  // of a literal; the name of a parameter
  };

  std::string host;  // in lower case; empty: any
  std::vector<part> parts;

  /// What two patterns have in common that match the same paths: names left out.
  std::string shape() const;
  /// The names of its parameters, in order.
  std::vector<std::string> names() const;
};

/// Takes `text` apart into `into`. False: it is not a pattern. Then `into` has no meaning.
bool parse_pattern(std::string_view text, pattern& into);

}  // namespace weft::http::detail

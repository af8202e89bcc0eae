// Patterns as a radix tree over their text: what they have in common is compared once.
//
// An edge is a run of literal bytes, or a parameter that takes one segment; a tail is a leaf that takes the
// rest. The path is walked as it was sent: what it encodes is decoded byte by byte on the way, so that it is
// decoded once, and a slash that it encodes separates nothing. Where the literal way ends in nothing the walk
// goes back, by the nodes' parents and without a stack, to the last node with a parameter. A node stands for
// the same bytes however it is reached, so each is entered at most once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <weft/http/pattern.hpp>

namespace weft::http::detail {

struct resource;

/// What the parameters of a matched pattern stand for, in its order and as sent, percent-encoded.
struct parameter_values {
  std::array<std::string_view, parameters_max> all;
  std::size_t count = 0;
};

class route_tree {
 public:
  route_tree();

  /// What belongs to a pattern's path, to be set; null at first. Valid until the next call.
  const resource*& at(const pattern& p);

  /// What belongs to the pattern that matches `path`: it begins with a slash and is percent-encoded, soundly.
  /// Null if there is none. Literal text wins over a {segment}, that over a {tail...}, from left to right.
  ///
  /// Cost       one comparison for each edge of the way; at most one visit to each node of the tree. Measured
  ///            among 96 patterns, on a busy machine: 29 ns for /json, 47 with a parameter, 126 with three.
  const resource* find(std::string_view path, parameter_values& values) const noexcept;

 private:
  struct node {
    std::string label{};        // of the edge to it; empty for a parameter's
    std::string first_bytes{};  // of its children's labels, which all differ
    std::vector<std::uint32_t> children{};
    std::uint32_t parent = 0;
    std::uint32_t segment = 0;       // the node behind a {segment}; 0: none
    const resource* here = nullptr;  // of the pattern that ends here
    const resource* tail = nullptr;  // of the pattern that goes on with {tail...}
  };

  std::uint32_t add(node n);
  std::uint32_t add_literal(std::uint32_t from, std::string_view text);
  void split(std::uint32_t at, std::size_t length);

  template <bool Encoded>
  const resource* walk(std::string_view path, parameter_values& values) const noexcept;
  template <bool Encoded>
  std::uint32_t literal_child(const node& of, const char*& at, const char* end) const noexcept;

  std::vector<node> nodes_;  // the first is the root
};

}  // namespace weft::http::detail

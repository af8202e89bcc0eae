// A head, parsed whole and in steps: what fuzz targets of parsers of heads share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include <weft/http/message/field_parser.hpp>

inline void check(bool holds) {
  if (!holds) std::abort();
}

template <class Parser, class Head>
struct run {
  Parser parser;
  Head head;
  weft::http::detail::parse_outcome outcome = weft::http::detail::parse_outcome::incomplete;

  // In a block of just that size, for AddressSanitizer.
  void give(std::string_view bytes) {
    std::unique_ptr<char[]> copy{new char[bytes.size()]};
    std::copy(bytes.begin(), bytes.end(), copy.get());
    outcome = parser.parse({copy.get(), bytes.size()}, head);
    head.rebase(bytes.data());
  }
};

/// Ends the program if the verdict depends on the split, or a head has what its grammar forbids. The first
/// byte says how the rest is split.
template <class Parser, class Head>
void parse_whole_and_split(const std::uint8_t* data, std::size_t size, const Parser& fresh) {
  using weft::http::detail::parse_outcome;
  if (size < 1) return;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  run<Parser, Head> whole{fresh, {}};
  whole.give(bytes);
  run<Parser, Head> split{fresh, {}};
  const std::size_t step = 1 + data[0] % 16;
  for (std::size_t at = step; split.outcome == parse_outcome::incomplete; at += step) {
    split.give(bytes.substr(0, at));
    if (at >= bytes.size()) break;
  }
  check(whole.outcome == split.outcome);
  if (whole.outcome == parse_outcome::failed) check(whole.parser.error() == split.parser.error());
  if (whole.outcome != parse_outcome::complete) return;
  check(whole.head.length == split.head.length && whole.head.field_count == split.head.field_count);
  check(whole.head.length <= bytes.size());
  check(!(whole.head.chunked && whole.head.has_content_length));
  for (std::size_t i = 0; i < whole.head.field_count; ++i) {
    const std::string_view value = whole.head.text(whole.head.fields[i].value);
    check(value == split.head.text(split.head.fields[i].value));
    check(value.find_first_of(std::string_view{"\r\n\0", 3}) == value.npos);
  }
}

// One head, parsed whole, byte by byte and in random pieces: the verdict must be the same.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <weft/http/message/field_parser.hpp>

#include "guard_page.hpp"

struct verdict {
  weft::http::detail::parse_outcome outcome = weft::http::detail::parse_outcome::incomplete;
  int error = 0;
  std::string what;  // the head in one line, if complete

  bool operator==(const verdict&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const verdict& v) {
  return out << "outcome " << int(v.outcome) << " error " << v.error << ' ' << v.what;
}

/// What every head has, in one line.
inline std::string fields_summary(const weft::http::detail::message_head& head) {
  std::string text = " length " + std::to_string(head.content_length) + (head.chunked ? " chunked" : "");
  text += std::string{head.says_close ? " close" : ""} + (head.says_keep_alive ? " keep" : "");
  for (std::size_t i = 0; i < head.field_count; ++i)
    text += " |" + std::string{head.text(head.fields[i].name)} + '=' +
            std::string{head.text(head.fields[i].value)} + '|';
  return text + " bytes " + std::to_string(head.length);
}

// Gives the bytes up to each of the `ends`, each time at another address and with an unreadable page behind
// them.
template <class Parser, class Head>
verdict parse_in_pieces(std::string_view bytes, const std::vector<std::size_t>& ends, Parser parser,
                        std::string (*summary)(const Head&)) {
  using weft::http::detail::parse_outcome;
  guarded_text memory{bytes.size() + 1};
  Head head;
  auto outcome = parse_outcome::incomplete;
  for (const std::size_t end : ends) {
    outcome = parser.parse(memory.put(bytes.substr(0, end)), head);
    if (outcome != parse_outcome::incomplete) break;
  }
  verdict v{outcome, 0, {}};
  if (outcome == parse_outcome::failed) v.error = static_cast<int>(parser.error());
  if (outcome == parse_outcome::complete) v.what = summary(head);
  return v;
}

template <class Parser, class Head>
verdict parse_split(std::string_view bytes, const Parser& fresh, std::string (*summary)(const Head&)) {
  static std::mt19937 random{7};
  const verdict whole = parse_in_pieces(bytes, {bytes.size()}, fresh, summary);
  std::vector<std::size_t> every(bytes.size());
  for (std::size_t i = 0; i < every.size(); ++i) every[i] = i + 1;
  EXPECT_EQ(parse_in_pieces(bytes, every, fresh, summary), whole) << bytes;
  for (int round = 0; round < 8 && !bytes.empty(); ++round) {
    std::vector<std::size_t> ends;
    for (std::size_t at = 0; at < bytes.size();) {
      at = std::min(bytes.size(), at + 1 + random() % 24);
      ends.push_back(at);
    }
    EXPECT_EQ(parse_in_pieces(bytes, ends, fresh, summary), whole) << bytes;
  }
  return whole;
}

/// `bytes` with one to three changes: a byte replaced by a doubtful one, one inserted, or one left out.
inline std::string spoilt(std::string bytes, std::mt19937& random) {
  constexpr std::string_view marks{"\r\n\t :\0/#\x7f\x80,;aZ9_*", 17};
  for (auto changes = 1 + random() % 3; changes != 0; --changes) {
    const std::size_t at = random() % bytes.size();
    const char mark = marks[random() % marks.size()];
    switch (random() % 3) {
      case 0: bytes[at] = mark; break;
      case 1: bytes.insert(at, 1, mark); break;
      default: bytes.erase(at, 1); break;
    }
  }
  return bytes;
}

// What the multipart parser makes of bytes that come in pieces, as text: for tests and fuzzers.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

#include <weft/http/message/multipart_parser.hpp>

/// "[Name: a|data]" for each part, then "done", or an error's number, or "more". `next_length` says how many
/// bytes come next; what the parser does not consume is given again.
inline std::string multipart_events(std::string_view bytes, std::string_view boundary,
                                    const std::function<std::size_t()>& next_length,
                                    weft::http::detail::multipart_part_limits limits = {}) {
  using parser = weft::http::detail::multipart_parser;
  parser p{boundary, limits};
  std::string told;
  std::string window;
  for (;;) {
    const parser::piece piece = p.next(window);
    if (piece.consumed > window.size() || piece.data.size() > window.size()) std::abort();
    switch (piece.what) {
      case parser::outcome::head: told.append("[").append(piece.data).append("|"); break;
      case parser::outcome::data: told += piece.data; break;
      case parser::outcome::end_of_part: told += ']'; break;
      case parser::outcome::done: return told + "done";
      case parser::outcome::failed: return told + std::to_string(static_cast<int>(p.error()));
      case parser::outcome::incomplete: break;
    }
    if (piece.what == parser::outcome::data && piece.data.empty()) std::abort();
    window.erase(0, piece.consumed);
    if (piece.what != parser::outcome::incomplete) continue;
    if (window.size() > parser::window_of(limits)) std::abort();
    if (bytes.empty()) return told + "more";
    const std::size_t length = std::min(bytes.size(), next_length());
    window += bytes.substr(0, length);
    bytes.remove_prefix(length);
  }
}

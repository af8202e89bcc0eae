// What tests of whole conversations share: requests in short, and responses taken apart.
#pragma once

#include <gtest/gtest.h>

#include <cctype>
#include <random>
#include <string>
#include <string_view>
#include <vector>

inline std::string get(std::string_view target, std::string_view lines = "") {
  return "GET " + std::string{target} + " HTTP/1.1\r\nHost: a\r\n" + std::string{lines} + "\r\n";
}
inline std::string post(std::string_view target, std::string_view body, std::string_view lines = "") {
  return "POST " + std::string{target} +
         " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string{lines} + "\r\n" + std::string{body};
}
/// With a body that is chunked already.
inline std::string post_chunked(std::string_view target, std::string_view chunks,
                                std::string_view lines = "") {
  return "POST " + std::string{target} + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" +
         std::string{lines} + "\r\n" + std::string{chunks};
}

/// Without what changes from run to run.
inline std::string without_dates(std::string_view text) {
  std::string rest;
  for (std::size_t at = 0; (at = text.find("Date: ")) != text.npos;) {
    EXPECT_EQ(text.substr(at + 6 + 25, 6), " GMT\r\n");
    rest += text.substr(0, at);
    text.remove_prefix(at + 6 + 29 + 2);
  }
  return rest += text;
}

/// The statuses of the responses, and " end" if the last one announces the end of the connection.
inline std::string statuses(const std::string& text) {
  std::string all;
  std::string_view rest = text;
  std::string_view last;
  while (rest.starts_with("HTTP/1.1 ")) {
    all += (all.empty() ? "" : " ") + std::string{rest.substr(9, 3)};
    last = rest.substr(0, rest.find("\r\n\r\n") + 4);
    const std::size_t length_at = last.find("Content-Length: ");
    const std::size_t length =
        length_at == last.npos ? 0 : std::stoul(std::string{last.substr(length_at + 16, 10)});
    rest.remove_prefix(last.size() + length);
  }
  EXPECT_TRUE(rest.empty()) << text;
  return all + (last.find("Connection: close\r\n") == last.npos ? "" : " end");
}

inline std::vector<std::string> single_bytes(std::string_view bytes) {
  std::vector<std::string> pieces;
  pieces.reserve(bytes.size());
  for (const char c : bytes) pieces.emplace_back(1, c);
  return pieces;
}

inline std::vector<std::string> random_pieces(std::string_view bytes, std::mt19937& random,
                                              std::size_t longest) {
  std::vector<std::string> pieces;
  while (!bytes.empty()) {
    pieces.emplace_back(bytes.substr(0, 1 + random() % longest));
    bytes.remove_prefix(pieces.back().size());
  }
  return pieces;
}

/// Bytes for a message: what cannot be printed as \x12.
inline std::string readable(std::string_view bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\r') text += "\\r";
    else if (c == '\n') text += "\\n\n";
    else if (byte < 0x80 && std::isprint(byte) != 0) text += c;
    else text += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
  }
  return text.substr(0, 1000);
}

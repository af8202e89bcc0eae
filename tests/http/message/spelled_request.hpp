// A request out of arbitrary bytes, spelled in pieces that requests are made of: so that random input is
// often nearly right, which is where parsers differ.
#pragma once

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

inline constexpr std::string_view request_pieces[] = {"GET ",
                                                      "POST ",
                                                      "CONNECT ",
                                                      "OPTIONS ",
                                                      "M-SEARCH ",
                                                      "/",
                                                      "/a?b=%20",
                                                      "*",
                                                      "http://h",
                                                      "h:80",
                                                      "[::1]:1",
                                                      " HTTP/1.1\r\n",
                                                      " HTTP/1.0\r\n",
                                                      " HTTP/1.9\r\n",
                                                      "GET / HTTP/1.1\r\nHost: h\r\n",
                                                      "POST / HTTP/1.1\r\nHost: h\r\n",
                                                      "POST / HTTP/1.0\r\n",
                                                      "Host: h\r\n",
                                                      "Host: h:80\r\n",
                                                      "Content-Length:",
                                                      "Content-Length: 5\r\n",
                                                      "Transfer-Encoding:",
                                                      "Transfer-Encoding: chunked\r\n",
                                                      "Connection:",
                                                      "close",
                                                      "keep-alive",
                                                      "Keep-Alive",
                                                      "upgrade",
                                                      "Upgrade: x\r\n",
                                                      "chunked",
                                                      "X:",
                                                      "Expect: 100-continue\r\n",
                                                      "Proxy-Connection:",
                                                      "Content-LengtH",
                                                      "transfer-encodinG",
                                                      ",",
                                                      ", ",
                                                      ";",
                                                      "=",
                                                      "\"",
                                                      ":",
                                                      " ",
                                                      "\t",
                                                      "\r",
                                                      "\n",
                                                      "\r\n",
                                                      "\r\n\r\n",
                                                      "0",
                                                      "1",
                                                      "5",
                                                      "00",
                                                      "18446744073709551615",
                                                      "9999999999999999999",
                                                      "a",
                                                      "A",
                                                      "abcde",
                                                      "5\r\nabcde\r\n",
                                                      "0\r\n\r\n",
                                                      "0\r\n",
                                                      "a;b=\"c;\\\"\"\r\n0123456789\r\n",
                                                      "_",
                                                      "-",
                                                      "\x80",
                                                      "\xff"};

/// Each byte below 128 stands for a piece, each above for itself less 128, or, behind a 128, as it is.
inline std::string spelled_request(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (byte == 128 && i + 1 < bytes.size()) text += bytes[++i];
    else if (byte >= 128) text += static_cast<char>(byte - 128);
    else text += request_pieces[byte % std::size(request_pieces)];
  }
  return text;
}

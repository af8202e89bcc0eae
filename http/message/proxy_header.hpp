// The header that a proxy puts before the first byte of a connection which it forwards: whose it is.
//
// Both versions of the PROXY protocol (proxy-protocol.txt of HAProxy, 2020/03/05, section 2): a line of text,
// or a block of bytes. As strict as the text asks for: numbers without leading zeros, single spaces, CRLF,
// known families and commands only; nobody guesses. A checksum that comes along is checked; of the other
// extensions (TLVs) only the lengths are.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <weft/http/message/field_parser.hpp>
#include <weft/net/address.hpp>

namespace weft::http::detail {

struct proxy_header {
  /// In bytes. What follows is the connection's own.
  static constexpr std::size_t text_max = 107;
  /// A sender should need no more than 536 bytes; some send certificates' names and cookies of their own.
  static constexpr std::size_t binary_max = 4096;

  std::size_t length = 0;
  /// The client's address, and the one that it wanted. None: the connection is the proxy's own (LOCAL), or of
  /// a kind that has no such address (UNKNOWN, UNSPEC, unix sockets).
  std::optional<net::address> source, destination;
};

/// Reads the header that `bytes` begin with, which are all that has come of a connection; again when more
/// has. `out` is set if it is complete. An incomplete one is shorter than binary_max.
///
/// Cost  of each call: a line's 107 bytes are looked at, a block's first 16 until all of it has come.
parse_outcome parse_proxy_header(std::string_view bytes, proxy_header& out) noexcept;

}  // namespace weft::http::detail

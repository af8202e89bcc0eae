// A TCP connection to whichever of several addresses answers.
#pragma once

#include <span>

#include <weft/net/address.hpp>
#include <weft/net/tcp_stream.hpp>

namespace weft::detail {

/// Connects to one address, with no_delay set.
[[nodiscard]] result<net::tcp_stream> connect_to(const net::address& to, deadline until);

/// Connects to the first of `candidates` that answers, racing as RFC 8305 says; a foreign thread, which has
/// no fibers to race, tries them one after the other.
[[nodiscard]] result<net::tcp_stream> connect_any(std::span<const net::address> candidates, deadline until);

}  // namespace weft::detail

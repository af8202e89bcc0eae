// Names to addresses, by getaddrinfo() on a thread that may block: /etc/hosts, DNS, whatever the machine is
// set up for.
#pragma once

#include <cstdint>
#include <string_view>
#include <system_error>
#include <vector>

#include <weft/net/address.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::detail {

/// The category of what getaddrinfo() answers (EAI_NONAME, EAI_AGAIN, ...); its name is "weft.resolve".
const std::error_category& resolve_category() noexcept;

/// Whether `text` can be the name of a host: letters, digits, '-', '.' and '_', at most 253 of them, and no
/// number at the end, which getaddrinfo() would take for an address in one of its old forms ("127.1",
/// "0x7f000001").
bool is_host_name(std::string_view text) noexcept;

/// The TCP addresses of `host`, best first (RFC 6724), with `port`.
///
/// Blocks     the calling fiber. getaddrinfo() cannot be stopped: one that is no longer waited for goes on by
///            itself.
/// Errors     canceled, deadline_exceeded; resolve_category(); limit: the offload pool takes no more.
/// Safe from  any fiber; a foreign thread just calls getaddrinfo(), whatever `until` says.
[[nodiscard]] result<std::vector<net::address>> resolve(std::string_view host, std::uint16_t port,
                                                        deadline until);

}  // namespace weft::detail

// Names to addresses, by getaddrinfo() on a thread that may block: /etc/hosts, DNS, whatever the machine is
// set up for.
#pragma once

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

/// Whether `host_port`, which is no address for the reason `no_address`, has a name where the address would
/// stand, and a good port.
bool is_name_with_port(std::string_view host_port, std::error_code no_address) noexcept;

/// Of such a one: the name, and `addresses` with its port.
std::string_view host_part(std::string_view host_port) noexcept;
std::vector<net::address> with_port_of(std::string_view host_port, std::vector<net::address> addresses);

/// The addresses of "127.0.0.1:80", "[::1]:80" (one) or "example.com:80", best first.
///
/// Blocks     the calling fiber, if it is a name. getaddrinfo() cannot be stopped: one that is no longer
///            waited for goes on by itself.
/// Errors     address_error for what is no HOST:PORT; canceled, deadline_exceeded; resolve_category(); limit:
///            the offload pool takes no more.
/// Safe from  any fiber; a foreign thread just calls getaddrinfo(), whatever `until` says.
[[nodiscard]] result<std::vector<net::address>> resolve_host_port(std::string_view host_port, deadline until);

}  // namespace weft::detail

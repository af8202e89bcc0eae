#include <weft/net/tcp_stream.hpp>

#include <vector>

#include <weft/net/address.hpp>
#include <weft/net/connect_any.hpp>
#include <weft/net/resolve.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft::net {
namespace {

// Out of line: the numeric case should not pay its stack.
WEFT_NOINLINE result<tcp_stream> connect_by_name(std::string_view host_port, deadline until) {
  const std::vector<address> candidates = WEFT_TRY(detail::resolve_host_port(host_port, until));
  return detail::connect_any(candidates, until);
}

}  // namespace

result<tcp_stream> tcp_stream::connect(std::string_view host_port, deadline until) {
  const auto numeric = address::parse(host_port);
  if (!numeric) return connect_by_name(host_port, until);
  return detail::connect_to(*numeric, until);
}

}  // namespace weft::net

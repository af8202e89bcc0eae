#include <weft/net/datagram_socket.hpp>

#include <sys/socket.h>

#include <type_traits>

#include <weft/net/message.hpp>

namespace weft::detail {

net::address sender_in(const sockaddr_in6& filled, socklen_t size) noexcept {
  const auto at = net::address::from(reinterpret_cast<const sockaddr*>(&filled), size);
  return at ? at->unmapped() : net::address{};
}

net::unix_address sender_in(const sockaddr_un& filled, socklen_t size) noexcept {
  return net::unix_address::from(filled, size);
}

template <class Address>
result<void> datagram_socket<Address>::send(byte_view bytes, deadline until) {
  WEFT_TRY(send_message(descriptor_, {.bytes = bytes}, until));
  return {};
}

template <class Address>
result<void> datagram_socket<Address>::send_to(byte_view bytes, const Address& to, deadline until) {
  WEFT_TRY(send_message(descriptor_, {.bytes = bytes, .to = to.data(), .to_size = to.size()}, until));
  return {};
}

template <class Address>
auto datagram_socket<Address>::recv(std::span<std::byte> into, deadline until) -> result<received> {
  incoming_message m{.into = into};
  const std::size_t size = WEFT_TRY(receive_message(descriptor_, m, until));
  return received{size, m.truncated};
}

template <class Address>
auto datagram_socket<Address>::recv_from(std::span<std::byte> into, deadline until) -> result<received_from> {
  std::conditional_t<std::is_same_v<Address, net::address>, sockaddr_in6, sockaddr_un> from{};
  incoming_message m{.into = into, .from = reinterpret_cast<sockaddr*>(&from), .from_size = sizeof from};
  const std::size_t size = WEFT_TRY(receive_message(descriptor_, m, until));
  return received_from{{size, m.truncated}, sender_in(from, m.from_size)};
}

template class datagram_socket<net::address>;
template class datagram_socket<net::unix_address>;

}  // namespace weft::detail

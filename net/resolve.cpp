#include <weft/net/resolve.hpp>

#include <netdb.h>

#include <charconv>
#include <memory>
#include <string>

#include <weft/net/name_lookup.hpp>
#include <weft/runtime/base/errc.hpp>

namespace weft::detail {
namespace {

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "weft.resolve"; }
  std::string message(int value) const override { return ::gai_strerror(value); }
  std::error_condition default_error_condition(int value) const noexcept override {
    switch (value) {
      case EAI_AGAIN: return std::errc::resource_unavailable_try_again;
      case EAI_MEMORY: return std::errc::not_enough_memory;
      default: return {value, *this};
    }
  }
};

}  // namespace

const std::error_category& resolve_category() noexcept {
  static const category instance;
  return instance;
}

bool is_host_name(std::string_view text) noexcept {
  constexpr std::size_t name_max = 253;  // RFC 1035: 255 in a message, two of them lengths
  constexpr std::string_view digits = "0123456789";
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
  if (text.empty() || text.size() > name_max || text.find_first_not_of(allowed) != text.npos) return false;
  if (text.ends_with('.')) text.remove_suffix(1);
  const std::string_view last = text.substr(text.find_last_of('.') + 1);
  const bool hexadecimal = last.starts_with("0x") || last.starts_with("0X");
  return !last.empty() && !hexadecimal && last.find_first_not_of(digits) != last.npos;
}

bool is_name_with_port(std::string_view host_port, std::error_code no_address) noexcept {
  // What has no port, or a bad one, or brackets, would be no better with a name in it.
  return no_address == net::address_error::bad_host && is_host_name(host_part(host_port));
}

std::string_view host_part(std::string_view host_port) noexcept {
  return host_port.substr(0, host_port.find(':'));
}

std::vector<net::address> with_port_of(std::string_view host_port, std::vector<net::address> addresses) {
  std::uint16_t port = 0;  // address::parse() has found it good
  std::from_chars(host_part(host_port).end() + 1, host_port.end(), port);
  for (net::address& a : addresses) a = a.with_port(port);
  return addresses;
}

result<std::vector<net::address>> resolve_host_port(std::string_view host_port, deadline until) {
  const auto numeric = net::address::parse(host_port);
  if (numeric) return std::vector{*numeric};
  if (!is_name_with_port(host_port, numeric.error())) return std::unexpected(numeric.error());
  // It would be started to be thrown away; and a thread that is no worker would wait for it all the same.
  if (until.expired()) return std::unexpected(errc::deadline_exceeded);
  const auto lookup = std::make_shared<name_lookup>(std::string{host_part(host_port)}, lookup_by_system);
  name_lookup::start(lookup);
  WEFT_TRY(lookup->wait(until));
  return with_port_of(host_port, WEFT_TRY(lookup->found()));
}

}  // namespace weft::detail

#include "target.hpp"

#include <utility>

#include <weft/http/client/call_error.hpp>
#include <weft/http/client/call_head.hpp>
#include <weft/http/client/url.hpp>
#include <weft/http/message/byte_buffer.hpp>
#include <weft/net/address.hpp>
#include <weft/net/resolve.hpp>
#include <weft/net/unix_address.hpp>
#include <weft/net/unix_stream.hpp>

#include "echo_reader.hpp"

namespace http = weft::http;

namespace {

constexpr std::string_view echo_scheme = "echo://";

bool is_unix(std::string_view endpoint) { return endpoint.starts_with(weft::detail::unix_prefix); }

// Bytes that are no text of any protocol, and differ from one to the next.
std::string echo_message(std::size_t bytes) {
  std::string out(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<char>('!' + i % 89);
  return out;
}

std::string remedy(const std::error_code& why, const std::string& endpoint) {
  if (why.category() == weft::net::address_category() && !is_unix(endpoint))
    return endpoint + " is no HOST:PORT, [ADDRESS]:PORT or unix:PATH: " + why.message();
  if (why.category() == weft::detail::resolve_category())
    return endpoint + " does not resolve: " + why.message() + ": check the name, or give an address";
  if (why == std::errc::connection_refused || why == std::errc::no_such_file_or_directory)
    return "nobody listens at " + endpoint + ": start the server first, or check the address";
  if (why == weft::errc::deadline_exceeded)
    return endpoint + " does not take connections: check the address, and what is between (a firewall)";
  return "cannot connect to " + endpoint + ": " + why.message();
}

std::string explain(const std::error_code& why, const std::string& url) {
  if (why == http::call_error::unsupported_scheme)
    return url + ": weft-load speaks http:// and echo:// (and no TLS)";
  if (why == http::call_error::bad_url)
    return url + ": no URL: http://HOST[:PORT][/PATH] and echo://HOST:PORT are known";
  return url + ": cannot be asked for: " + why.message();
}

}  // namespace

std::expected<target, std::string> target::make(const target_options& options) {
  target out;
  const std::string_view url = options.call.url;
  if (url.starts_with(echo_scheme)) {
    out.endpoint_ = url.substr(echo_scheme.size());
    out.request_ = echo_message(options.message_bytes);
  } else {
    const auto parts = http::detail::url::parse(url);
    if (!parts) return std::unexpected(explain(parts.error(), options.call.url));
    http::detail::byte_buffer head;
    const auto written =
        http::detail::write_call_head(head, options.call, *parts, {.user_agent = "weft-load"});
    if (!written) return std::unexpected(explain(written.error(), options.call.url));
    out.endpoint_ = parts->endpoint;
    out.request_ = std::string{head.text()} + options.call.body;
    out.expected_ = {.asked = http::detail::method_of(options.call.method),
                     .status = options.status,
                     .bytes = options.body_bytes};
  }
  if (!options.endpoint.empty()) out.endpoint_ = options.endpoint;
  return out;
}

std::unique_ptr<answer_reader> target::make_reader() const {
  if (expected_) return std::make_unique<http_reader>(*expected_);
  return std::make_unique<echo_reader>(request_);
}

std::expected<void, std::string> target::find(weft::deadline until) {
  const auto first = connect(until);
  if (!first) return std::unexpected(remedy(first.error(), endpoint_));
  if (const auto peer = weft::net::address::peer_of(first->native_handle())) endpoint_ = peer->string();
  return {};
}

weft::result<weft::net::tcp_stream> target::connect(weft::deadline until) const {
  if (!is_unix(endpoint_)) return weft::net::tcp_stream::connect(endpoint_, until);
  const std::string_view path = std::string_view{endpoint_}.substr(weft::detail::unix_prefix.size());
  weft::net::unix_stream made = WEFT_TRY(weft::net::unix_stream::connect(path, until));
  return weft::net::tcp_stream{made.release()};  // reads and writes the same
}

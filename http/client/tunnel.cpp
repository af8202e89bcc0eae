#include <weft/http/client/tunnel.hpp>

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>

#include <weft/http/client/call_error.hpp>
#include <weft/http/client/response_reader.hpp>
#include <weft/http/message/byte_buffer.hpp>
#include <weft/http/message/field_text.hpp>
#include <weft/http/message/response_parser.hpp>
#include <weft/http/message/status.hpp>
#include <weft/http/message/target.hpp>

namespace weft::http {
namespace {

// The status of the response, of which no more than the head is read: what follows belongs to another.
class exact_reader {
 public:
  explicit exact_reader(net::tcp_stream& from) noexcept : from_{from} {}

  result<status> read(deadline until) {
    for (;;) {
      WEFT_TRY(from_.wait_readable(until));
      std::array<std::byte, 512> ahead;
      const ssize_t seen = ::recv(from_.native_handle(), ahead.data(), ahead.size(), MSG_PEEK | MSG_DONTWAIT);
      if (seen < 0 && errno == EAGAIN) continue;
      if (seen <= 0) {  // the end, or an error: a read tells which
        WEFT_TRY(from_.read_exactly(std::span{ahead}.first(1), until));
        return std::unexpected(errc::protocol);
      }
      const auto length = static_cast<std::size_t>(seen);
      const std::size_t before = received_.size();
      received_.append({reinterpret_cast<const char*>(ahead.data()), length});
      const auto outcome = parser_.parse(received_.text(), head_);
      if (outcome == detail::parse_outcome::failed) return std::unexpected(parser_.error());
      const bool complete = outcome == detail::parse_outcome::complete;
      WEFT_TRY(from_.read_exactly(std::span{ahead}.first(complete ? head_.length - before : length), until));
      if (complete) return head_.status;
    }
  }

 private:
  static constexpr std::size_t head_max = std::size_t{16} << 10;

  net::tcp_stream& from_;
  detail::byte_buffer received_;
  detail::response_parser parser_{head_max};
  detail::response_head head_;
};

}  // namespace

result<net::tcp_stream> connect_through(std::string_view proxy, std::string_view host_port,
                                        std::string_view authorization, deadline until) {
  if (!detail::is_host_and_port(host_port)) return std::unexpected(call_error::bad_url);
  if (!detail::is_field_value(authorization)) return std::unexpected(call_error::bad_field_value);
  detail::byte_buffer request;
  request.append_all("CONNECT ", host_port, " HTTP/1.1\r\nHost: ", host_port, "\r\n");
  if (!authorization.empty()) request.append_all("Proxy-Authorization: ", authorization, "\r\n");
  request.append("\r\n");
  auto stream = WEFT_TRY(net::tcp_stream::connect(proxy, until));
  WEFT_TRY(stream.write_all(request.text(), until));
  status answered{};
  for (unsigned interim = 0; static_cast<int>(answered) < 200; ++interim) {
    if (interim > detail::response_reader::interim_max || answered == status::switching_protocols)
      return std::unexpected(errc::protocol);
    answered = WEFT_TRY(std::make_unique<exact_reader>(stream)->read(until));
  }
  if (static_cast<int>(answered) >= 300) return std::unexpected(answered);
  return stream;
}

}  // namespace weft::http

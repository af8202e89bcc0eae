// A request, as its handler sees it. Every view lives until the handler returns, suspensions included.
#pragma once

#include <charconv>
#include <cstddef>
#include <memory_resource>
#include <optional>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include <weft/http/form.hpp>
#include <weft/http/message/ascii.hpp>
#include <weft/http/message/byte_buffer.hpp>
#include <weft/http/message/request_head.hpp>
#include <weft/http/message/status.hpp>
#include <weft/http/request_body.hpp>
#include <weft/http/route_table.hpp>
#include <weft/http/transport.hpp>
#include <weft/net/address.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::io {
class file;
}
namespace weft::net {
class address;
}

namespace weft::http {

namespace detail {
class exchange;
class transport;
}  // namespace detail

/// A field, or a pair like one.
struct name_and_value {
  std::string_view name;
  std::string_view value;
};

class request {
 public:
  request(const request&) = delete;
  request& operator=(const request&) = delete;

  /// "GET". Case matters.
  std::string_view method() const noexcept { return head_.method_text(); }
  /// "HTTP/1.1" or "HTTP/1.0".
  std::string_view protocol() const noexcept { return head_.minor_version == 0 ? "HTTP/1.0" : "HTTP/1.1"; }
  /// The request-target as it was sent.
  std::string_view target() const noexcept { return head_.target_text(); }
  /// The path, percent-decoded, but for encoded slashes, which read %2F.
  std::string_view path() const noexcept { return path_; }
  /// What stands behind the `?`, as it was sent.
  std::string_view raw_query() const noexcept { return head_.raw_query(); }

  /// Host, or the authority of the target if it has one: "example.org:8080". For CONNECT, where to.
  std::string_view authority() const noexcept { return head_.authority_text(); }

  /// Who sends it: the other end of the connection, which may be a proxy, or whom that names where
  /// server_options::proxy_protocol says so; none if the other end is gone, and on a unix socket. Costs a
  /// system call.
  std::optional<net::address> remote_address() const noexcept { return connection_->remote_address(); }

  /// Whether it came through a unix socket, for which file permissions decide who may send. Costs a system
  /// call.
  bool on_unix_socket() const noexcept { return connection_->on_unix_socket(); }

  /// What {name} of the route's pattern stands for, percent-decoded. A name that is not in the pattern is an
  /// assertion.
  std::string_view param(std::string_view name) const;

  /// The same as a number.
  ///
  /// Errors     status::bad_request: it is not a T, all of it.
  template <class T>
    requires std::is_arithmetic_v<T>
  [[nodiscard]] result<T> param(std::string_view name) const {
    const std::string_view text = param(name);
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::unexpected(status::bad_request);
    return value;
  }

  /// The first value of that name in the query, with %XX and + decoded; none if there is none or it cannot be
  /// decoded.
  std::optional<std::string_view> query(std::string_view name) const;
  /// The first field of that name, which is compared without regard to case.
  std::optional<std::string_view> header(std::string_view name) const noexcept { return head_.find(name); }
  /// All fields, in their order.
  auto headers() const noexcept {
    return std::views::iota(std::size_t{0}, std::size_t{head_.field_count}) |
           std::views::transform([this](std::size_t i) { return field(i); });
  }
  /// The values of all fields of that name, in their order.
  auto headers(std::string_view name) const noexcept {
    return std::views::iota(std::size_t{0}, std::size_t{head_.field_count}) |
           std::views::transform([this](std::size_t i) { return field(i); }) |
           std::views::filter(
               [name](const name_and_value& f) { return detail::equals_ignoring_case(f.name, name); }) |
           std::views::transform([](const name_and_value& f) { return f.value; });
  }
  /// The first field of that name behind a chunked body, once that was read to its end. Not merged with the
  /// head, which was acted on before it came.
  std::optional<std::string_view> trailer(std::string_view name) const noexcept;

  /// The first cookie of that name.
  std::optional<std::string_view> cookie(std::string_view name) const noexcept;
  /// All cookies, in their order.
  std::vector<name_and_value> cookies() const;

  /// What the client would upgrade the connection to, as it wrote it ("websocket", "h2c, websocket"); empty
  /// if it would not. Asked for by Connection: upgrade, and on HTTP/1.1 only: else Upgrade means nothing.
  /// Source: RFC 9110, section 7.8.
  std::string_view upgrade() const noexcept;

  /// The whole body.
  ///
  /// Blocks     the calling fiber, until it has come.
  /// Errors     the status that answers them: bad_request (broken framing, or a peer that ends before the
  ///            body does), content_too_large, request_timeout; else deadline_exceeded, canceled, what the
  ///            connection says.
  [[nodiscard]] result<std::string_view> body(deadline until = {}) { return body_.all(until); }

  /// The next bytes of the body; 0 at its end. Blocks and errors as body().
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> into, deadline until = {}) {
    return body_.read(into, until);
  }
  /// Writes what is left of the body to `to`, where that stands; io::file::temporary() is a file for it that
  /// goes away by itself. Returns how many bytes. Blocks as body(); errors as body(), and the file's.
  [[nodiscard]] result<std::uint64_t> save(io::file& to, deadline until = {});

  /// The body as the fields of a form; http::multipart reads one that has files. Errors:
  /// unsupported_media_type: it is no application/x-www-form-urlencoded; else form::parse()'s and body()'s.
  [[nodiscard]] result<http::form> form(deadline until = {});

 private:
  friend class detail::exchange;

  request(detail::input_buffer& input, detail::body_source& source,
          std::pmr::memory_resource& memory) noexcept
      : body_{input, source, memory}, path_copy_{memory}, decoded_{decoded_first, &memory} {}

  static constexpr std::size_t decoded_first = 960;  // of decoded_, which adds its own to make 1 KiB of it

  std::string_view decoded(std::string_view text, bool plus_is_space) const;
  name_and_value field(std::size_t i) const noexcept {
    return {head_.text(head_.fields[i].name), head_.text(head_.fields[i].value)};
  }
  template <class F>
  bool find_cookie(F matches) const;

  const detail::transport* connection_ = nullptr;
  detail::request_head head_;
  std::string_view path_;
  detail::path_parameters parameters_;
  detail::request_body body_;
  mutable detail::byte_buffer path_copy_;                // the decoded path, if it differs
  mutable std::pmr::monotonic_buffer_resource decoded_;  // decoded parameters: views of them must not move
};

}  // namespace weft::http

// A response, as its handler fills it. It copies or owns what it is given, and goes out after the handler has
// returned, unless write() has begun a stream.
//
// What a handler does not say is 200 without a body. Date, Content-Length, Transfer-Encoding and Connection
// are weft's to write; a handler that sets one of them, or a field with a CR, LF or NUL in it, is answered
// 500 in its stead, because what it was given by a client may be an attempt to split the response. So is one
// whose status is below 200: those are said by early_hints() and hijack().
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <weft/http/message/byte_buffer.hpp>
#include <weft/http/message/cookie.hpp>
#include <weft/http/message/status.hpp>
#include <weft/http/precompiled.hpp>
#include <weft/runtime/base/byte_view.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::io {
class file;
}

namespace weft::net {
class tcp_stream;
}
namespace weft::io {
class file;
}

namespace weft::http {

namespace detail {
class cache_visit;
class chain;
class exchange;
class file_answer;
}  // namespace detail

class response {
 public:
  response(const response&) = delete;
  response& operator=(const response&) = delete;

  response& status(http::status s) noexcept {
    if (!streaming_) status_ = s;
    return *this;
  }
  /// Adds a field; Content-Type replaces. `Connection: close` ends the connection after this response.
  response& header(std::string_view name, std::string_view value);
  /// Adds Set-Cookie. A cookie that a browser would refuse or misread is as a field that must not be sent.
  response& set_cookie(const cookie& c);
  /// Adds a field behind the body, for what is known only then: may be called until the handler returns. It
  /// makes the body chunked, and goes to a client that has said `TE: trailers`; others would drop it. A name
  /// that frames, routes or authenticates is one that must not be sent. Source: RFC 9110, section 6.5.
  response& trailer(std::string_view name, std::string_view value);

  /// Sets a field in place of all of that name.
  response& replace_header(std::string_view name, std::string_view value);
  /// Adds a field that goes out unless the handler sets one of that name, or middleware further in says
  /// another default: for middleware, before next().
  response& default_header(std::string_view name, std::string_view value);
  /// A body with its Content-Type, unless header() has set another.
  void text(std::string_view text) { set_body(text, "text/plain; charset=utf-8"); }
  void html(std::string_view text) { set_body(text, "text/html; charset=utf-8"); }
  void json(std::string_view text) { set_body(text, "application/json"); }
  void body(std::string&& text, std::string_view content_type);
  /// This response, in place of status and body; the fields that were set go with it.
  void send(const precompiled& answer) { answer_ = answer; }
  /// Location, with a status of 301, 302, 303, 307 or 308. `to` is a URI or the path of one, encoded: a
  /// space, a control or a byte beyond ASCII in it must not be sent. Check what comes from a client:
  /// "//evil.example" is another host.
  void redirect(std::string_view to, http::status s = http::status::found);

  /// Says how long the body is that write() will send, in bytes: the client sees how much is to come, and one
  /// of HTTP/1.0 can keep its connection. Writing more, or less until the handler returns, is an error that
  /// cuts the connection. On HEAD, and with 304, nothing need be written.
  response& content_length(std::uint64_t bytes) noexcept {
    if (!streaming_) length_ = bytes;
    return *this;
  }

  /// Begins, and goes on with, a body: of content_length(), else chunked, or on HTTP/1.0 until the connection
  /// ends. Each write goes out at once, the first with the head. After it, status and fields are said, and an
  /// error of the handler cuts the connection.
  ///
  /// Blocks     the calling fiber, while the peer does not read.
  /// Errors     what the connection says; canceled; deadline_exceeded; protocol: a field or status that must
  ///            not be sent, or more bytes than content_length().
  [[nodiscard]] result<void> write(byte_view bytes, deadline until = {});
  /// Sends the head, if that has not gone yet. Blocks, and errors, as write().
  [[nodiscard]] result<void> flush(deadline until = {});

  /// As write(): `length` bytes of a file, from `offset` on, straight from the page cache where the kernel
  /// can.
  ///
  /// Blocks     the calling fiber, while the peer does not read.
  /// Errors     what the connection and the file say; end_of_stream: the file has not so many. canceled;
  ///            deadline_exceeded.
  [[nodiscard]] result<void> write_file(io::file& from, std::uint64_t offset, std::uint64_t length,
                                        deadline until = {});

  /// 103 at once, with a Link field of each of `links` ("</style.css>; rel=preload; as=style"), while the
  /// handler works on the answer. Any number of times before the answer; a client of HTTP/1.0 gets none.
  /// Source: RFC 8297.
  ///
  /// Blocks     as write().
  /// Errors     as write(); protocol: the answer has begun, or a link cannot be a field's value.
  [[nodiscard]] result<void> early_hints(std::span<const std::string_view> links, deadline until = {});
  [[nodiscard]] result<void> early_hints(std::initializer_list<std::string_view> links, deadline until = {}) {
    return early_hints(std::span{links.begin(), links.size()}, until);
  }

  /// Sends the head, and gives the connection away: for what comes after an Upgrade, or a CONNECT. To a
  /// request that has asked for an upgrade (request::upgrade()), 101, with the Upgrade field that the handler
  /// has set; to CONNECT, 2xx. The handler may go on with the stream itself or pass it to another fiber; its
  /// response is over.
  ///
  /// Blocks     the calling fiber, until the head has gone.
  /// Errors     status::bad_request: the request has a body that was not read, or bytes have come behind it,
  ///            from a client that did not wait for the answer and might mean them for somebody else; the
  ///            connection will be closed. protocol: the status does not fit the request, the answer has
  ///            begun, or there is a field that must not be sent. Else what the connection says.
  /// Source     RFC 9110, sections 7.8 and 9.3.6; draft-ietf-httpbis-optimistic-upgrade.
  [[nodiscard]] result<net::tcp_stream> hijack(deadline until = {});

  /// What content_length() was told, if it was.
  std::optional<std::uint64_t> content_length() const noexcept { return length_; }

  /// What has been said so far, 500 if it cannot be sent: for middleware, after next(). An error that next()
  /// returned is the answer in its stead, with status_of() that error.
  http::status status() const noexcept;
  /// The first field of that name, which is compared without regard to case; not those of a precompiled
  /// response, nor those that weft writes.
  std::optional<std::string_view> header(std::string_view name) const noexcept;
  /// Bytes of the body, without the overhead of chunks; of a stream those that have been written.
  std::size_t body_size() const noexcept;
  /// The body that was set; empty for a stream and for a precompiled response.
  std::string_view body_text() const noexcept {
    if (fixed() != nullptr) return {};
    if (shared_) return *shared_;
    return owned_.empty() ? std::string_view{body_.text()} : owned_;
  }
  /// Whether write() has begun a stream: status and fields have gone out.
  bool body_begun() const noexcept { return streaming_; }

 private:
  friend class detail::cache_visit;
  friend class detail::chain;
  friend class detail::exchange;
  friend class detail::file_answer;

  response(detail::exchange& owner, std::pmr::memory_resource& memory) noexcept
      : owner_{owner},
        fields_{memory},
        defaults_{memory},
        content_type_{memory},
        body_{memory},
        trailers_{memory} {}

  void set_body(std::string_view text, std::string_view content_type);
  // More fields, each "Name: value\r\n", known to be good.
  void add_fields(std::string_view text) { fields_.append(text); }
  void share_body(std::shared_ptr<const std::string> text) noexcept { shared_ = std::move(text); }
  void send_plain(http::status s) { plain_ = &detail::plain_answer(s); }
  void reset() noexcept;
  // What it is in place of status and body; null: those.
  const detail::response_block* fixed() const noexcept {
    return plain_ != nullptr ? plain_ : answer_ ? &answer_->block() : nullptr;
  }
  // Middleware's fields survive an error.
  void keep_fields() noexcept { keeps_fields_ = true; }
  std::size_t mark() const noexcept { return fields_.size(); }
  void drop_since(std::size_t mark) noexcept;
  void settle_defaults();
  void fail(http::status why) noexcept;
  void release() noexcept;
  /// Whether a head of it may go out.
  bool is_sound() const noexcept {
    return !spoilt_ && static_cast<int>(status_) >= 200 && static_cast<int>(status_) <= 599;
  }

  detail::exchange& owner_;
  http::status status_ = http::status::ok;
  bool says_close_ = false;
  bool spoilt_ = false;                            // by a field that must not be sent
  bool says_allow_ = false;                        // by a field of the handler's
  bool streaming_ = false;                         // the head has gone to the output
  bool hijacked_ = false;                          // and so has the connection
  bool keeps_fields_ = false;                      // there is middleware
  const detail::response_block* plain_ = nullptr;  // set by weft in place of all else
  std::optional<precompiled> answer_;
  std::optional<std::uint64_t> length_;  // that was declared,
  std::uint64_t written_ = 0;            // and what of it has been streamed
  detail::byte_buffer fields_;
  detail::byte_buffer defaults_;  // fields that are added in the end, where they are missing
  detail::byte_buffer content_type_;
  detail::byte_buffer body_;
  detail::byte_buffer trailers_;
  std::string owned_;
  std::shared_ptr<const std::string> shared_;  // a body that others send too
};

}  // namespace weft::http

// A response, as its handler fills it. It copies or owns what it is given, and goes out after the handler has
// returned, unless write() has begun a stream.
//
// What a handler does not say is 200 without a body. Date, Content-Length, Transfer-Encoding and Connection
// are weft's to write; a handler that sets one of them, or a field with a CR, LF or NUL in it, is answered
// 500 in its stead, because what it was given by a client may be an attempt to split the response.
#pragma once

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>

#include <weft/http/byte_buffer.hpp>
#include <weft/http/precompiled.hpp>
#include <weft/http/status.hpp>
#include <weft/runtime/base/byte_view.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http {

namespace detail {
class exchange;
}

class response {
 public:
  response(const response&) = delete;
  response& operator=(const response&) = delete;

  response& status(http::status s) noexcept {
    status_ = s;
    return *this;
  }
  /// Adds a field; Content-Type replaces. `Connection: close` ends the connection after this response.
  response& header(std::string_view name, std::string_view value);

  /// A body with its Content-Type, unless header() has set another.
  void text(std::string_view text) { set_body(text, "text/plain; charset=utf-8"); }
  void json(std::string_view text) { set_body(text, "application/json"); }
  void body(std::string&& text, std::string_view content_type);
  /// This response, in place of all else.
  void send(const precompiled& answer) { answer_ = answer; }

  /// Begins, and goes on with, a body whose length is not known: chunked, or on HTTP/1.0 until the connection
  /// ends. Each write goes out at once, in one send, the first with the head. After it, status and fields are
  /// said, and an error of the handler cuts the connection.
  ///
  /// Blocks     the calling fiber, while the peer does not read.
  /// Errors     what the connection says; canceled; deadline_exceeded.
  [[nodiscard]] result<void> write(byte_view bytes, deadline until = {});
  [[nodiscard]] result<void> flush(deadline until = {});

 private:
  friend class detail::exchange;

  response(detail::exchange& owner, std::pmr::memory_resource& memory) noexcept
      : owner_{owner}, fields_{memory}, content_type_{memory}, body_{memory} {}

  void set_body(std::string_view text, std::string_view content_type);
  void send_plain(http::status s) { plain_ = &detail::plain_answer(s); }
  void reset() noexcept;
  void release() noexcept;
  std::string_view body_text() const noexcept {
    return owned_.empty() ? std::string_view{body_.text()} : owned_;
  }

  detail::exchange& owner_;
  http::status status_ = http::status::ok;
  bool says_close_ = false;
  bool spoilt_ = false;                            // by a field that must not be sent
  bool streaming_ = false;                         // the head has gone to the output
  const detail::response_block* plain_ = nullptr;  // set by weft in place of all else
  std::optional<precompiled> answer_;
  detail::byte_buffer fields_;
  detail::byte_buffer content_type_;
  detail::byte_buffer body_;
  std::string owned_;
};

}  // namespace weft::http

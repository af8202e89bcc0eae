// A whole response, built once and copied many times: the fast way to say the same thing again.
//
// The block is immutable. Copying it into the output is two memcpys, of the block and of the 29 bytes of its
// Date, so no byte that is being sent is ever changed. It exists once per thing that depends on the
// connection: whether that goes on, and how a 1.0 client is told so.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include <weft/http/message/byte_buffer.hpp>
#include <weft/http/message/status.hpp>

namespace weft::http::detail {

/// What a response says about the connection.
enum class persistence : std::uint8_t {
  keep,      // nothing: 1.1 goes on by itself
  keep_1_0,  // Connection: keep-alive, which a 1.0 client that asked for it waits for
  close,     // Connection: close
};

/// The field that says so, with its CRLF.
std::string_view connection_field(persistence) noexcept;

class response_block {
 public:
  /// `fields`: more header fields, each "Name: value\r\n". Date, Content-Length and Connection are written
  /// here.
  response_block(status s, std::string_view fields, std::string_view body);

  /// Appends the response, or with `head_only` its head, with the 29 bytes at `date`.
  void append_to(byte_buffer& out, persistence how, bool head_only, const char* date) const {
    const std::size_t length = length_of(how, head_only);
    write_to(out.extend(length), length, how, date);
  }

  /// The same, with more fields behind the Date: each "Name: value\r\n".
  void append_with(byte_buffer& out, std::string_view fields, persistence how, bool head_only,
                   const char* date) const;

  status code() const noexcept { return code_; }
  std::size_t body_length() const noexcept { return variants_[0].text.size() - variants_[0].head_length; }

  /// How long the response is, or with `head_only` its head.
  std::size_t length_of(persistence how, bool head_only) const noexcept {
    const variant& v = variants_[static_cast<std::size_t>(how)];
    return head_only ? v.head_length : v.text.size();
  }

  /// Writes that many bytes of it.
  void write_to(char* at, std::size_t length, persistence how, const char* date) const noexcept {
    std::memcpy(at, variants_[static_cast<std::size_t>(how)].text.data(), length);
    std::memcpy(at + date_at_, date, 29);
  }

 private:
  struct variant {
    std::string text;
    std::size_t head_length = 0;
  };

  std::array<variant, 3> variants_;
  status code_;
  std::size_t date_at_ = 0;  // the same in all: Date is the first field
};

/// The plain answer of an error status, or of any that needs no more than its phrase.
const response_block& plain_answer(status) noexcept;

inline constexpr std::size_t plain_answer_max = 512;

/// Writes the plain answer that ends a connection, for who has no memory but `room`. `date`: 29 bytes.
std::string_view write_plain_answer(status s, const char* date,
                                    std::span<char, plain_answer_max> room) noexcept;

}  // namespace weft::http::detail

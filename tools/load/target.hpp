// Whom the load is for, and what it says: the bytes of a request, made once, and what its answer should be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <weft/http/client/call.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

#include "answer_reader.hpp"
#include "http_reader.hpp"

struct target_options {
  weft::http::call call;           // its URL may be echo://HOST:PORT or echo://unix:PATH
  std::string endpoint;            // instead of the URL's; empty: none
  std::size_t message_bytes = 64;  // of an echo
  std::optional<int> status;
  std::optional<std::uint64_t> body_bytes;
};

class target {
 public:
  /// Why there is none, in a line for people.
  static std::expected<target, std::string> make(const target_options& options);

  const std::string& request() const noexcept { return request_; }
  const std::string& endpoint() const noexcept { return endpoint_; }
  std::unique_ptr<answer_reader> make_reader() const;

  /// Connects once, and knows from then on which of the addresses of a name is meant. Blocks the calling
  /// fiber; why it cannot be done, in a line for people.
  std::expected<void, std::string> find(weft::deadline until);

  /// Errors     as tcp_stream::connect() and unix_stream::connect().
  [[nodiscard]] weft::result<weft::net::tcp_stream> connect(weft::deadline until) const;

 private:
  std::string endpoint_;
  std::string request_;
  std::optional<http_expectation> expected_;  // none: an echo
};

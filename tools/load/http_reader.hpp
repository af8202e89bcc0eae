// Responses of HTTP/1.1, by the parser of weft's own client: as strict, and without a copy of their bodies.
#pragma once

#include <cstdint>
#include <optional>

#include <weft/http/message/chunk_decoder.hpp>
#include <weft/http/message/method.hpp>
#include <weft/http/message/response_head.hpp>
#include <weft/http/message/response_parser.hpp>

#include "answer_reader.hpp"

struct http_expectation {
  weft::http::method asked = weft::http::method::get;
  std::optional<int> status{};           // none: 200 to 299
  std::optional<std::uint64_t> bytes{};  // of the body; none: however many
};

class http_reader final : public answer_reader {
 public:
  explicit http_reader(const http_expectation& expected) noexcept : expected_{expected} {}

  [[nodiscard]] weft::result<answer> next(weft::net::tcp_stream& from, weft::deadline until) override;
  void reset() noexcept override;

 private:
  weft::result<void> read_head(weft::net::tcp_stream& from, weft::deadline until);
  weft::result<std::uint64_t> skip_body(weft::net::tcp_stream& from, weft::deadline until);
  weft::result<std::uint64_t> skip_length(weft::net::tcp_stream& from, weft::deadline until);
  weft::result<std::uint64_t> skip_chunks(weft::net::tcp_stream& from, weft::deadline until);
  weft::result<std::uint64_t> skip_to_end(weft::net::tcp_stream& from, weft::deadline until);
  failure judge(std::uint64_t body) const noexcept;
  void consume(std::size_t bytes) noexcept;

  const http_expectation expected_;
  std::uint64_t consumed_ = 0;  // of the present answer
  weft::http::detail::response_parser parser_{head_max};
  weft::http::detail::chunk_decoder decoder_;
  weft::http::detail::response_head head_;
};

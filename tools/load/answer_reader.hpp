// What comes back over one connection, answer by answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include <weft/http/input_buffer.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

#include "failure.hpp"

struct answer {
  std::int64_t at = 0;            // when its last byte had come, by steady_ns()
  std::uint64_t bytes = 0;        // of all of it
  failure wrong = failure::none;  // what is not as expected of an answer that is whole
  bool goes_on = true;            // the connection can be used on
};

class answer_reader {
 public:
  virtual ~answer_reader() = default;
  answer_reader(const answer_reader&) = delete;
  answer_reader& operator=(const answer_reader&) = delete;

  /// The next answer.
  ///
  /// Blocks     the calling fiber.
  /// Errors     end_of_stream: the peer ended before; protocol, limit, unsupported: what came is no answer;
  ///            those of the stream.
  [[nodiscard]] virtual weft::result<answer> next(weft::net::tcp_stream& from, weft::deadline until) = 0;

  /// Forgets what has come: the next answer comes over a new connection.
  virtual void reset() noexcept { input_.reset(); }

 protected:
  answer_reader() = default;

  // Reads more, at least one byte.
  weft::result<void> fetch(weft::net::tcp_stream& from, weft::deadline until);

  static constexpr std::size_t head_max = 32 << 10;  // a guess: servers that are loaded send less
  weft::http::detail::input_buffer input_{head_max};
  std::int64_t read_at_ = 0;  // when the last bytes came
};

// Messages that come back as they were sent.
#pragma once

#include <string_view>

#include "answer_reader.hpp"

class echo_reader final : public answer_reader {
 public:
  /// `message` outlives it.
  explicit echo_reader(std::string_view message) noexcept : message_{message} {}

  [[nodiscard]] weft::result<answer> next(weft::net::tcp_stream& from, weft::deadline until) override;

 private:
  const std::string_view message_;
};

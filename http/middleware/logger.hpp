// Middleware that writes a line about each request, once it is answered.
//
// What clients choose (targets, fields) is escaped: it ends no line and closes no quotation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include <weft/http/message/status.hpp>
#include <weft/http/middleware.hpp>

namespace weft::http {

enum class log_format : unsigned char {
  common,    // of the NCSA server: address, time, request line, status, bytes of the body
  combined,  // and Referer, User-Agent
  json,      // an object: time, remote, method, target, status, bytes, microseconds, user_agent
};

struct logger_options {
  /// Hears each line, without its end. Called by all workers, in the fiber of the request, which waits for
  /// it: what may block hands the line on, to a channel for instance.
  std::move_only_function<void(std::string_view line) const> sink{};
  log_format format = log_format::combined;
};

/// Registered outermost, it sees what the client gets; a response that is cut off counts as the 200 that was
/// begun. The time is that of the handler and the middleware inside: neither the head's nor the sending's.
class logger {
 public:
  /// A sink there must be.
  explicit logger(logger_options options);

  result<void> operator()(request& q, response& s, next n) const;

 private:
  void write(const request& q, status code, std::size_t bytes, std::int64_t began) const;

  logger_options options_;
};

}  // namespace weft::http

// Middleware that makes a span of each request, as a child of the one that its traceparent names.
//
// Registered outermost, its span covers the handler and all middleware, and is the parent of their spans, and
// of those of the fibers that they spawn. A traceparent that breaks the rules begins a new trace, as none
// does; its tracestate goes with it. Where clients are not to decide what is recorded, `trust` is off.
// Source: W3C Trace Context, 2021-11-23; the names of attributes: OpenTelemetry semantic conventions 1.27.
#pragma once

#include <functional>
#include <string>

#include <weft/http/middleware.hpp>
#include <weft/http/request.hpp>

namespace weft::http {

struct tracing_options {
  /// What a request's span is called; cut at 56 bytes. None: its method, HTTP if that is none that weft
  /// knows. Should be one of few: the route's pattern, not the path.
  std::move_only_function<std::string(const request&) const> name{};
  /// Whether traceparent and tracestate of requests are followed. Off: each request begins a trace.
  bool trust = true;
};

class tracing {
 public:
  explicit tracing(tracing_options options = {}) noexcept : options_{std::move(options)} {}

  /// Cost       1 ns while nothing is traced.
  result<void> operator()(request& q, response& s, next n) const;

 private:
  result<void> traced(request& q, response& s, next n) const;

  tracing_options options_;
};

}  // namespace weft::http

// A runtime's metrics for Prometheus.
//
//     routes.get("/metrics", [](http::request&, http::response& s) {
//       s.send(http::status::ok, weft::prometheus_content_type, weft::to_prometheus(weft::metrics()));
//     });
//
// Counters carry the label worker; histograms are sums over all workers. docs/metrics.md explains each.
#pragma once

#include <string>
#include <string_view>

#include <weft/runtime/metrics/runtime_metrics.hpp>

namespace weft {

inline constexpr std::string_view prometheus_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// The text exposition format 0.0.4: about 20 KB, and 4 more per worker. Any fiber or thread.
[[nodiscard]] std::string to_prometheus(const runtime_metrics& m);

}  // namespace weft

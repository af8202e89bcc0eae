// Pages that show what a running program does: its fibers, its pools, and more, for people and for tools.
//
//     http::router routes;
//     http::debug_pages(routes);            // then /debug/ in a browser, or `weft-top 127.0.0.1:8080`
//
//   /debug/          a page that shows all of what follows, and keeps itself up to date
//   /debug/fibers    every fiber with what it waits for and its backtrace; ?format=json for programs
//   /debug/metrics   the runtime's metrics, and the program's own, as text for Prometheus (docs/metrics.md)
//   /debug/pools     the pools of the process, as JSON
//   /debug/stacks    how much stack the fibers of each spawn site use, as JSON (options.stack_census)
//   /debug/trace     records a trace for ?seconds=N, 1 to 60, and gives it as ui.perfetto.dev opens it; 409
//                    while another one is recorded, by whomever, or if the program begins one meanwhile
//
// They tell names, code addresses and much of how a program works, and each question costs the workers some
// time. So they answer nobody but this machine: peers at a loopback address that name it so (Host), and unix
// sockets, whose permissions decide. What a reverse proxy passes on is refused too, by the fields that it
// adds; one that adds none, for a client that may be anybody, must not be let at these routes.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <weft/http/router.hpp>

namespace weft::http {

struct debug_pages_options {
  /// Where they are: a pattern as router::group() takes it.
  std::string_view prefix = "/debug";
  /// Whether whoever can reach the server may see them. Then put authentication around them.
  bool from_anywhere = false;
  /// Families that /debug/metrics tells too, in the same text format; names must not be weft's. For those of
  /// the server: `[&] { return to_prometheus(server.metrics()); }`. Called in a fiber, by several at once.
  std::function<std::string()> more_metrics{};
};

/// Adds them to `to`. Whoever may not see them is answered 403.
void debug_pages(router& to, const debug_pages_options& options = {});

}  // namespace weft::http

// The connections that one tcp_listener::serve() has given to fibers: chooses their workers, knows when the
// last has ended, and stops those that the drain has not ended.
//
// Each lies in a list of the worker that runs it, linked from its fiber's frame and touched by that worker
// only: coming and going takes no lock. Stopping them all therefore is a short fiber on each worker, which
// walks its list.
#pragma once

#include <memory>
#include <source_location>

#include <weft/net/live_count.hpp>
#include <weft/runtime/base/intrusive_list.hpp>

namespace weft::detail {

class scheduler;

/// What a connection is given to: the user's callable, its type forgotten.
struct connection_handler {
  result<void> (*call)(void* f, int connection);  // a non-blocking descriptor, f's to close
  void* f;
  std::source_location site;
};

class connection_set {
 public:
  /// `slack`: see choose_worker().
  connection_set(scheduler& owner, connection_handler handler, unsigned slack);

  /// Starts a fiber for an accepted connection: here, or on the least loaded worker if this one has more than
  /// its share.
  ///
  /// Blocks     while options.fibers_max fibers live.
  void start(int connection);

  /// Waits until all connections have ended; no more may be started. False: some have not by `until`.
  bool wait(deadline until) noexcept { return live_.wait(until); }

  /// Asks the fibers of all connections to stop, those too that have not begun.
  void request_stop();

 private:
  struct member : list_node {
    member(connection_set& set, unsigned counted_at) noexcept;
    ~member();
    connection_set& of;
    fiber* const self;
  };
  struct alignas(cache_line) per_worker {
    intrusive_list<member> members;
    bool stopping = false;
  };

  result<void> run(int connection, unsigned counted_at);

  scheduler& owner_;
  const connection_handler handler_;
  const unsigned slack_;
  const std::unique_ptr<per_worker[]> workers_;
  live_count live_;
};

}  // namespace weft::detail

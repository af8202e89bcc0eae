// What a pool of connections knows of them, and who waits for one: the accounts, without a socket.
//
// A place is the right to have one connection to an endpoint. It is in use, from take() to give() or leave(),
// or has an idle connection. There are `limit` places in all and `endpoint_limit` for each endpoint. Who
// wants a connection gets the first of these that there is:
//
//   the idle one to his endpoint that came back last: the peer is the least likely to have closed it, and
//     those that nobody needs grow old
//   a new place
//   the place of the connection that has been idle longest, to whatever endpoint, which he has to close
//
// and waits, when there is none of them. What comes back goes to him who came first among those who can use
// it: who waits only because his endpoint has its share keeps nobody from the others. Whenever the lock is
// free, nobody waits who could be served; so a newcomer who can be served gets past nobody.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <weft/net/connection_pool_options.hpp>
#include <weft/pools/pool_lock.hpp>
#include <weft/pools/pool_stats.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/intrusive_list.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/wait_list.hpp>

namespace weft::detail {

class connection_ledger {
 public:
  struct endpoint;

  /// A connection, whose maker derives from it. Linked while it is idle, and in the list of those to close.
  struct entry : list_node {
    endpoint* of = nullptr;
    std::int64_t made_at = 0;
    std::int64_t idle_since = 0;
    list_node by_age;
  };
  using entries = intrusive_list<entry>;

  /// Where connections go to.
  struct endpoint : list_node {
    const std::string* name = nullptr;  // its key
    std::size_t places = 0;
    entries idle;          // the newest first
    wait_list waiters;     // those who wait for a place here
    std::size_t here = 0;  // who are in take(): they wait, or have given up and not yet left
  };

  /// What take() gives: an idle connection, or with null the right to make one.
  struct place {
    endpoint* of = nullptr;
    entry* idle = nullptr;
  };

  explicit connection_ledger(const net::connection_pool_options& options) noexcept;
  connection_ledger(const connection_ledger&) = delete;
  connection_ledger& operator=(const connection_ledger&) = delete;
  /// All places must be back.
  ~connection_ledger();

  // Safe from any fiber or thread. What is put into `gone` is the caller's, to be closed before it makes a
  // connection, so that there are never more than the limit.

  /// Takes a place at the endpoint of that name.
  ///
  /// Blocks     the calling fiber or thread, while there is none, until `until`; unless exhaustion::refuse
  ///            was chosen.
  /// Errors     limit (refused), closed, canceled, deadline_exceeded. But for `closed`, never fails if
  ///            something can be had at once.
  [[nodiscard]] result<place> take(std::string_view name, deadline until, entries& gone);

  /// Another idle connection instead of one that take() gave and that was dead, and is closed by now; null:
  /// there is none, and the place is kept, to make one.
  [[nodiscard]] entry* replace(endpoint& of, entries& gone) noexcept;

  /// Says that `made` was made in a place of `of`.
  void enter(entry& made, endpoint& of) const noexcept;

  /// Gives a place back with its connection, which is idle now. False: it is too old, or all is closed; the
  /// caller closes it, and leaves.
  [[nodiscard]] bool give(entry& e) noexcept;

  /// Gives a place back without a connection.
  void leave(endpoint& of) noexcept;

  /// Takes out what has expired.
  void expire(entries& gone) noexcept;

  /// Ends every take(), from now on and those that wait, and takes out what is idle.
  void close(entries& gone) noexcept;

  /// Whether somebody waits.
  bool waited_for() noexcept;

  pool_stats stats() noexcept;

 private:
  struct waiter;
  struct name_hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  std::int64_t now() const noexcept;
  endpoint& find_or_make(std::string_view name);
  bool can_serve(endpoint& e) noexcept;
  place serve_one(endpoint& e, entries& gone) noexcept;
  entry* newest_idle(endpoint& e, entries& gone) noexcept;
  void serve(woken_waiters& woken) noexcept;
  endpoint* next_to_serve() noexcept;
  void take_out(entry& idle) noexcept;
  void free_place(endpoint& of) noexcept;
  void forget_if_unused(endpoint& of) noexcept;
  void expire_idle(entries& gone) noexcept;

  const std::size_t limit_;
  const std::size_t endpoint_limit_;
  const exhaustion exhausted_;
  const std::int64_t idle_max_;
  const std::int64_t lifetime_max_;
  std::chrono::steady_clock::time_point (*const now_)();

  pool_lock lock_;  // guards the rest, and all endpoints
  std::unordered_map<std::string, endpoint, name_hash, std::equal_to<>> endpoints_;  // that are in use
  intrusive_list<entry, &entry::by_age> idle_;                                       // the oldest first
  intrusive_list<endpoint> waited_for_;  // the endpoints at which somebody waits
  std::uint64_t arrivals_ = 0;
  std::size_t places_ = 0;
  std::size_t in_use_ = 0;
  std::size_t high_water_ = 0;
  std::uint64_t hits_ = 0, misses_ = 0, refused_ = 0;
  bool closed_ = false;
};

}  // namespace weft::detail

#include <weft/net/stream_listener.hpp>

#include <sys/socket.h>

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include <weft/net/acceptor.hpp>
#include <weft/net/connection_balance.hpp>
#include <weft/net/socket_options.hpp>
#include <weft/runtime/base/system_failure.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/spawn.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft::detail {

// A serve() that runs closes the socket itself, once its acceptors have let go of it.
bool stream_listener::close() noexcept {
  bool leave_to_serve = false, first = false;
  {
    const std::lock_guard guard{lock_};
    first = !std::exchange(closed_, true);
    leave_to_serve = serving_;
  }
  closing_.open();
  if (!leave_to_serve) socket_.close();
  return first;
}

const net::address* stream_listener::local() const noexcept {
  const std::lock_guard guard{lock_};
  return closed_ ? nullptr : &local_;
}

// False: closed already.
bool stream_listener::begin_serving() noexcept {
  const std::lock_guard guard{lock_};
  WEFT_ASSERT(!serving_, "two serve() on one listener");
  serving_ = !closed_;
  return serving_;
}

void stream_listener::end_serving() noexcept {
  bool close_now = false;
  std::vector<descriptor> joined;
  {
    const std::lock_guard guard{lock_};
    serving_ = false;
    close_now = closed_;
    joined.swap(joined_);
  }
  if (close_now) socket_.close();
}

result<int> stream_listener::accept(deadline until) {
  for (unsigned failures = 1;; ++failures) {
    const result<int> fd = socket_.accept(SOCK_CLOEXEC | SOCK_NONBLOCK, until);
    if (fd) return fd;
    const std::error_code error = fd.error();
    if (error == errc::closed || error == errc::canceled || error == errc::deadline_exceeded)
      return std::unexpected(error);
    const auto pause = recovery_.after(error.value(), socket_.native_handle(), failures);
    if (pause.count() == 0) continue;
    const deadline next = pause;
    WEFT_TRY(this_fiber::sleep_until(std::min(next, until)));
    if (until.expired()) return std::unexpected(errc::deadline_exceeded);
  }
}

// One socket for each worker, as far as they can be had. Without one (no more privileges, no descriptor left)
// a worker gets connections from the others.
void stream_listener::join_for(std::size_t workers) {
  const std::lock_guard guard{lock_};
  if (!joinable_ || complete_) return;
  joined_.reserve(workers - 1);
  while (joined_.size() + 1 < workers) {
    const result<int> fd = join_listening_socket(local_, options_.backlog);
    if (!fd) return;
    descriptor joined{*fd};
    if (!net::set_no_delay(*fd, true)) return;
    joined_.push_back(std::move(joined));
  }
}

result<std::vector<io::owned_descriptor>> stream_listener::sockets() {
  const std::lock_guard guard{lock_};
  if (closed_) return std::unexpected(errc::closed);
  complete_ = true;
  std::vector<io::owned_descriptor> all;
  all.reserve(1 + joined_.size());
  const auto add = [&all](const descriptor& socket) {
    all.emplace_back(::fcntl(socket.native_handle(), F_DUPFD_CLOEXEC, 0));
    return static_cast<bool>(all.back());
  };
  if (!add(socket_) || !std::ranges::all_of(joined_, add)) return system_failure();
  return all;
}

// On the worker that this is to be for.
void stream_listener::run_acceptor(int listener, connection_set& connections) {
  const auto start = [](void* set, int connection) { static_cast<connection_set*>(set)->start(connection); };
  acceptor one{listener, recovery_, start, &connections};
  one.run();
}

result<void> stream_listener::serve(const connection_handler& handler) {
  if (!begin_serving()) return std::unexpected(errc::closed);
  worker& here = *worker::current();
  const auto workers = here.owner().workers().size();
  join_for(workers);
  connection_set connections{here.owner(), handler, is_alone() ? connection_slack_alone : connection_slack};

  std::vector<task<void>> acceptors;
  acceptors.reserve(1 + joined_.size());
  const auto accept_at = [&](const descriptor& socket) {
    const auto on = static_cast<unsigned>((here.index() + acceptors.size()) % workers);
    const int listener = socket.native_handle();
    acceptors.push_back(spawn([this, &connections, listener] { run_acceptor(listener, connections); },
                              {.name = "acceptor", .worker = on}));
  };
  accept_at(socket_);
  std::ranges::for_each(joined_, accept_at);
  const auto ended = closing_.wait(deadline::never(), /*cancellable=*/true, park_reason::io);

  for (auto& a : acceptors) a.request_stop();
  for (auto& a : acceptors) a.join();
  end_serving();
  if (!connections.wait(options_.drain)) {
    connections.request_stop();
    connections.wait(deadline::never());
  }
  if (ended == wake_reason::canceled) return std::unexpected(errc::canceled);
  if (ended == wake_reason::timed_out) return std::unexpected(errc::deadline_exceeded);
  return {};
}

}  // namespace weft::detail

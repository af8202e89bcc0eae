#include <weft/net/stream_listener.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include <weft/net/acceptor.hpp>
#include <weft/net/socket_options.hpp>
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
  {
    const std::lock_guard guard{lock_};
    serving_ = false;
    close_now = closed_;
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

// Accepts with a socket of its own that shares the port, or with the first one.
void stream_listener::accept_on_worker(int first_socket, connection_set& connections) {
  descriptor joined;
  int listener = first_socket;
  if (listener < 0) {
    // Without one (no more privileges, no descriptor left) this worker gets connections from the others.
    const result<int> fd = join_listening_socket(local_, options_.backlog);
    if (!fd) return;
    joined = descriptor{*fd};
    if (!net::set_no_delay(*fd, true)) return;
    listener = *fd;
  }
  const auto start = [](void* set, int connection) { static_cast<connection_set*>(set)->start(connection); };
  acceptor one{listener, recovery_, start, &connections};
  one.run();
}

result<void> stream_listener::serve(const connection_handler& handler) {
  if (!begin_serving()) return std::unexpected(errc::closed);
  worker& here = *worker::current();
  connection_set connections{here.owner(), handler};

  std::vector<task<void>> acceptors;
  for (const auto& w : here.owner().workers()) {
    const int first_socket = w.get() == &here ? socket_.native_handle() : -1;
    if (first_socket < 0 && !joinable_) continue;
    acceptors.push_back(
        spawn([this, &connections, first_socket] { accept_on_worker(first_socket, connections); },
              {.name = "acceptor", .worker = w->index()}));
  }
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

#include <weft/net/tcp_listener.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include <weft/io/descriptor.hpp>
#include <weft/net/accept_recovery.hpp>
#include <weft/net/acceptor.hpp>
#include <weft/net/address.hpp>
#include <weft/net/gate.hpp>
#include <weft/net/listening_socket.hpp>
#include <weft/net/socket_options.hpp>
#include <weft/runtime/base/thread_mutex.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/spawn.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft::net {

struct tcp_listener::state {
  state(detail::listening_socket from, const address& at, const listen_options& with) noexcept
      : socket{from.fd}, joinable{from.joinable}, local{at}, options{with} {}

  // A serve() that runs closes the socket itself, once its acceptors have let go of it.
  void close() noexcept {
    bool leave_to_serve = false;
    {
      const std::lock_guard guard{lock};
      closed = true;
      leave_to_serve = serving;
    }
    closing.open();
    if (!leave_to_serve) socket.close();
  }

  // False: closed already.
  bool begin_serving() noexcept {
    const std::lock_guard guard{lock};
    WEFT_ASSERT(!serving, "two serve() on one listener");
    serving = !closed;
    return serving;
  }

  void end_serving() noexcept {
    bool close_now = false;
    {
      const std::lock_guard guard{lock};
      serving = false;
      close_now = closed;
    }
    if (close_now) socket.close();
  }

  void accept_on_worker(int first_socket, detail::connection_set& connections);

  detail::descriptor socket;
  const bool joinable;
  const address local;
  const listen_options options;
  detail::accept_recovery recovery;
  detail::gate closing;       // opens with close()
  detail::thread_mutex lock;  // guards the two below
  bool closed = false;
  bool serving = false;
};

tcp_listener::tcp_listener(std::unique_ptr<state> made) noexcept : state_{std::move(made)} {}
tcp_listener::tcp_listener(tcp_listener&&) noexcept = default;
tcp_listener& tcp_listener::operator=(tcp_listener&&) noexcept = default;
tcp_listener::~tcp_listener() {
  if (state_ != nullptr) state_->close();
}

result<tcp_listener> tcp_listener::bind(std::string_view at, listen_options options) {
  const detail::listening_socket made = WEFT_TRY(detail::open_listening_socket(at, options.backlog));
  detail::descriptor owned{made.fd};
  const address local = WEFT_TRY(address::local_of(made.fd));
  WEFT_TRY(set_no_delay(made.fd, true));  // what is accepted inherits it
  owned.release();
  return tcp_listener{std::make_unique<state>(made, local, options)};
}

result<tcp_stream> tcp_listener::accept(deadline until) {
  state& s = *state_;
  for (unsigned failures = 1;; ++failures) {
    const result<int> fd = s.socket.accept(SOCK_CLOEXEC | SOCK_NONBLOCK, until);
    if (fd) return tcp_stream{*fd};
    const std::error_code error = fd.error();
    if (error == errc::closed || error == errc::canceled || error == errc::deadline_exceeded)
      return std::unexpected(error);
    const auto pause = s.recovery.after(error.value(), s.socket.native_handle(), failures);
    if (pause.count() == 0) continue;
    const deadline next = pause;
    WEFT_TRY(this_fiber::sleep_until(std::min(next, until)));
    if (until.expired()) return std::unexpected(errc::deadline_exceeded);
  }
}

// Accepts with a socket of its own that shares the port, or with the first one.
void tcp_listener::state::accept_on_worker(int first_socket, detail::connection_set& connections) {
  detail::descriptor joined;
  int listener = first_socket;
  if (listener < 0) {
    // Without one (no more privileges, no descriptor left) this worker gets connections from the others.
    const result<int> fd = detail::join_listening_socket(local, options.backlog);
    if (!fd) return;
    joined = detail::descriptor{*fd};
    if (!set_no_delay(*fd, true)) return;
    listener = *fd;
  }
  const auto start = [](void* set, int connection) {
    static_cast<detail::connection_set*>(set)->start(connection);
  };
  detail::acceptor acceptor{listener, recovery, start, &connections};
  acceptor.run();
}

result<void> tcp_listener::serve_with(const detail::connection_handler& handler) {
  state& s = *state_;
  if (!s.begin_serving()) return std::unexpected(errc::closed);
  detail::worker& here = *detail::worker::current();
  detail::connection_set connections{here.owner(), handler};

  std::vector<task<void>> acceptors;
  for (const auto& w : here.owner().workers()) {
    const int first_socket = w.get() == &here ? s.socket.native_handle() : -1;
    if (first_socket < 0 && !s.joinable) continue;
    acceptors.push_back(
        spawn([&s, &connections, first_socket] { s.accept_on_worker(first_socket, connections); },
              {.name = "acceptor", .worker = w->index()}));
  }
  const auto ended = s.closing.wait(deadline::never(), /*cancellable=*/true, detail::park_reason::io);

  for (auto& a : acceptors) a.request_stop();
  for (auto& a : acceptors) a.join();
  s.end_serving();
  if (!connections.wait(s.options.drain)) {
    connections.request_stop();
    connections.wait(deadline::never());
  }
  if (ended == detail::wake_reason::canceled) return std::unexpected(errc::canceled);
  if (ended == detail::wake_reason::timed_out) return std::unexpected(errc::deadline_exceeded);
  return {};
}

void tcp_listener::close() noexcept { state_->close(); }

std::string tcp_listener::local_address() const {
  const std::lock_guard guard{state_->lock};
  return state_->closed ? std::string{} : state_->local.string();
}

int tcp_listener::native_handle() const noexcept { return state_->socket.native_handle(); }

}  // namespace weft::net

#include <weft/net/connection_pool.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <weft/net/resolver.hpp>
#include <weft/net/unix_address.hpp>
#include <weft/net/unix_stream.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::net {

using detail::connection_ledger;

struct pooled_stream::connection : connection_ledger::entry {
  connection(tcp_stream&& made, connection_ledger& of_) noexcept : stream{std::move(made)}, ledger{of_} {}

  tcp_stream stream;
  connection_ledger& ledger;
  bool reused = false;
};

namespace {

/// Connections that the ledger has given up: closed at the latest when this goes.
template <class Connection>
struct closing {
  closing() = default;
  closing(const closing&) = delete;
  closing& operator=(const closing&) = delete;
  ~closing() { close(); }

  void close() noexcept {
    while (connection_ledger::entry* const e = gone.pop_front()) delete static_cast<Connection*>(e);
  }

  connection_ledger::entries gone;
};

/// A place in which a connection is being made.
struct held_place {
  held_place(connection_ledger& ledger_, connection_ledger::endpoint& of_) noexcept
      : ledger{ledger_}, of{&of_} {}
  held_place(const held_place&) = delete;
  held_place& operator=(const held_place&) = delete;
  ~held_place() {
    if (of != nullptr) ledger.leave(*of);
  }

  connection_ledger& ledger;
  connection_ledger::endpoint* of;
};

/// Whether it is open, and the peer has said nothing.
bool is_sound(const tcp_stream& s) noexcept {
  std::byte one;
  const ssize_t n = ::recv(s.native_handle(), &one, 1, MSG_PEEK | MSG_DONTWAIT);
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

/// Whether neither side has ended its half. The look at what there is to read does not show that we have; on
/// a unix socket, to send nothing does.
bool is_established(const tcp_stream& s) noexcept {
  tcp_info about;
  socklen_t size = sizeof about;
  if (::getsockopt(s.native_handle(), IPPROTO_TCP, TCP_INFO, &about, &size) == 0)
    return about.tcpi_state == TCP_ESTABLISHED;
  return errno == EOPNOTSUPP && ::send(s.native_handle(), "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) == 0;
}

}  // namespace

// --- pooled_stream

tcp_stream& pooled_stream::operator*() const noexcept {
  WEFT_ASSERT(connection_ != nullptr, "a pooled_stream that has no stream");
  return connection_->stream;
}

bool pooled_stream::reused() const noexcept { return connection_ != nullptr && connection_->reused; }

void pooled_stream::give_back() noexcept {
  if (connection_ == nullptr) return;
  if (!is_established(connection_->stream)) return discard();
  connection_->reused = true;
  if (connection_->ledger.give(*connection_)) connection_ = nullptr;  // it may be another's by now
  else discard();
}

void pooled_stream::discard() noexcept {
  if (connection_ == nullptr) return;
  const std::unique_ptr<connection> last{std::exchange(connection_, nullptr)};
  last->stream.close();
  last->ledger.leave(*last->of);
}

// --- connection_pool

connection_pool::connection_pool(const connection_pool_options& options) noexcept
    : listed_pool{options.name}, connect_max_{options.connect_max}, names_{options.names}, ledger_{options} {
  enlist();
}

connection_pool::~connection_pool() {
  delist();
  WEFT_ASSERT(!ledger_.waited_for(), "a pool was destroyed while somebody waits for it");
  close();
}

result<pooled_stream> connection_pool::acquire(std::string_view endpoint, deadline until) {
  using connection = pooled_stream::connection;
  closing<connection> old;
  const connection_ledger::place got = WEFT_TRY(ledger_.take(endpoint, until, old.gone));
  old.close();
  auto* idle = static_cast<connection*>(got.idle);
  while (idle != nullptr && !is_sound(idle->stream)) {
    delete idle;
    idle = static_cast<connection*>(ledger_.replace(*got.of, old.gone));
    old.close();
  }
  if (idle != nullptr) return pooled_stream{*idle};

  held_place here{ledger_, *got.of};
  auto made = std::make_unique<connection>(WEFT_TRY(connect(endpoint, until)), ledger_);
  ledger_.enter(*made, *std::exchange(here.of, nullptr));
  return pooled_stream{*made.release()};
}

result<tcp_stream> connection_pool::connect(std::string_view endpoint, deadline until) {
  const deadline at_most = std::min(until, deadline{connect_max_});
  if (endpoint.starts_with(detail::unix_prefix)) {
    unix_stream made = WEFT_TRY(unix_stream::connect(endpoint.substr(detail::unix_prefix.size()), at_most));
    return tcp_stream{made.release()};
  }
  if (names_ != nullptr) return names_->connect(endpoint, at_most);
  return tcp_stream::connect(endpoint, at_most);
}

void connection_pool::close() noexcept {
  closing<pooled_stream::connection> all;
  ledger_.close(all.gone);
}

bool connection_pool::trim(deadline) noexcept {
  closing<pooled_stream::connection> expired;
  ledger_.expire(expired.gone);
  return false;
}

}  // namespace weft::net

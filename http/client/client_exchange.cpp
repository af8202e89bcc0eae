#include <weft/http/client/client_exchange.hpp>

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <weft/http/message/number_text.hpp>
#include <weft/io/ready.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/select.hpp>

namespace weft::http::detail {
namespace {

bool is_lost_connection(const std::error_code& error) noexcept {
  return error == errc::end_of_stream || error == std::errc::connection_reset ||
         error == std::errc::broken_pipe;
}

}  // namespace

client_exchange::~client_exchange() {
  if (!stream_) return;
  response_.skip_received();
  let_go_if_ended();
}

result<void> client_exchange::run(std::string_view head, std::string_view body, body_feed feed, method asked,
                                  deadline until) {
  WEFT_TRY(send(head, until));
  WEFT_TRY(feed ? send_pieces(feed, until) : send(body, until));
  // A server that has said no already need not have waited for all: what it said can still be read.
  const result<void> answered = response_.read_head(asked, std::min(until, deadline{of_->options.head}));
  if (!answered) return lost_ ? std::unexpected(lost_) : answered;
  close_ |= lost_ || answered_early_;
  if (of_->options.decompress)
    decoder_ = WEFT_TRY(content_decoder::of(response_, of_->options.expansion_max));
  let_go_if_ended();
  return {};
}

// In parts, so that progress can be told from none.
result<void> client_exchange::send(std::string_view bytes, deadline until) {
  constexpr std::size_t part = std::size_t{64} << 10;
  while (!bytes.empty() && !lost_ && !answered_early_) {
    WEFT_TRY(put(bytes.substr(0, part), until));
    bytes.remove_prefix(std::min(part, bytes.size()));
    if (!bytes.empty()) answered_early_ = is_answered();
  }
  return {};
}

// Each piece is a chunk, and goes out at once.
result<void> client_exchange::send_pieces(body_feed feed, deadline until) {
  constexpr std::size_t piece_max = std::size_t{16} << 10;
  constexpr std::size_t size_max = sizeof "4000\r\n" - 1;
  const auto buffer = std::make_unique_for_overwrite<char[]>(size_max + piece_max + 2);
  char* const data = buffer.get() + size_max;
  while (!lost_ && !answered_early_) {
    const std::size_t length = WEFT_TRY(feed.next(std::as_writable_bytes(std::span{data, piece_max})));
    WEFT_ASSERT(length <= piece_max);
    if (length == 0) return put("0\r\n\r\n", until);
    const number_text digits{length, 16};
    const std::string_view size = digits;
    char* const begin = data - size.size() - 2;
    std::memcpy(begin, size.data(), size.size());
    data[-2] = data[length] = '\r';
    data[-1] = data[length + 1] = '\n';
    WEFT_TRY(put({begin, data + length + 2}, until));
    answered_early_ = is_answered();
  }
  return {};
}

// That the connection is lost is no error yet; an answer ends the wait for room.
result<void> client_exchange::put(std::string_view bytes, deadline until) {
  const deadline at_most = std::min(until, deadline{of_->options.send});
  while (!bytes.empty() && !lost_ && !answered_early_) {
    const auto written = stream_->write_some(bytes, deadline::past());
    if (written) bytes.remove_prefix(*written);
    else if (is_lost_connection(written.error())) lost_ = written.error();
    else if (written.error() != errc::deadline_exceeded) return std::unexpected(written.error());
    else WEFT_TRY(wait_for_room(at_most));
  }
  return {};
}

result<void> client_exchange::wait_for_room(deadline until) {
  const int fd = stream_->native_handle();
  char any = 0;
  const bool heard = ::recv(fd, &any, 1, MSG_PEEK | MSG_DONTWAIT) > 0;  // but no answer: that is known
  bool late = false;
  WEFT_TRY(select(on_ready(fd, static_cast<short>(heard ? POLLOUT : POLLIN | POLLOUT), [] {}),
                  on_timeout(until, [&] { late = true; })));
  if (late) return std::unexpected(errc::deadline_exceeded);
  answered_early_ = is_answered();
  return {};
}

// Whether more than an interim response is there, while the request is still being sent.
bool client_exchange::is_answered() const noexcept {
  std::array<char, 10> first;  // "HTTP/1.1 4"
  const ssize_t n = ::recv(stream_->native_handle(), first.data(), first.size(), MSG_PEEK | MSG_DONTWAIT);
  return n == static_cast<ssize_t>(first.size()) && first.back() != '1';
}

bool client_exchange::found_stale(const std::error_code& failure) const noexcept {
  return stream_.reused() && !response_.begun() && is_lost_connection(failure);
}

result<std::size_t> client_exchange::read_body(std::span<std::byte> into, deadline until) {
  const deadline at_most = std::min(until, deadline{of_->options.read});
  const std::size_t count =
      WEFT_TRY(decoder_ ? decoder_->read(into, at_most) : response_.read(into, at_most));
  let_go_if_ended();
  return count;
}

void client_exchange::let_go_if_ended() noexcept {
  if (!response_.ended()) return;
  if (response_.reusable() && !close_) stream_.give_back();
  else stream_.discard();
}

result<std::size_t> client_exchange::read(std::span<std::byte> into, deadline until) {
  return stream_->read(into, until);
}

}  // namespace weft::http::detail

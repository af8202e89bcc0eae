#include "connection.hpp"

#include <chrono>
#include <utility>

#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/this_fiber.hpp>

using weft::detail::steady_ns;

namespace {

// Before one tries again to connect. A guess: a server that is just being started is not flooded.
constexpr std::chrono::milliseconds reconnect_pause{10};

weft::deadline after(std::int64_t from, std::chrono::nanoseconds time) noexcept {
  weft::deadline until;
  until.at = from + time.count();
  return until;
}

}  // namespace

weft::result<void> connection::open() { return open_for(steady_ns(), 1); }

void connection::run(arrivals* due) {
  for (;;) {
    const weft::result<std::int64_t> when = due != nullptr ? due->next() : steady_ns();
    if (!when || !exchange(*when)) return;
  }
}

weft::result<void> connection::open_for(std::int64_t due, unsigned requests) {
  auto opened = target_.connect(plan_.timeout);
  if (!opened) return failed(failure::connect, opened.error(), due, requests);
  stream_ = std::move(*opened);
  reader_->reset();
  return {};
}

weft::result<void> connection::exchange(std::int64_t due) {
  if (!connected()) WEFT_TRY(open_for(due, plan_.pipeline));
  if (!connected()) return {};  // counted
  const weft::deadline until = after(steady_ns(), plan_.timeout);
  const auto sent = stream_.write_all(batch_, until);
  if (!sent) return failed(failure::write, sent.error(), due, plan_.pipeline);
  return read_answers(due, until);
}

weft::result<void> connection::read_answers(std::int64_t due, weft::deadline until) {
  for (unsigned left = plan_.pipeline; left != 0; --left) {
    const auto got = reader_->next(stream_, until);
    if (!got) return failed(failure::read, got.error(), due, left);
    if (got->at > tally_.measured_until())
      return failed(failure::read, make_error_code(weft::errc::canceled), due, left);
    if (got->wrong == failure::none) [[likely]]
      tally_.answered(got->at, got->at - due, got->bytes);
    else tally_.failed(got->wrong, {}, 1);
    if (got->goes_on && plan_.keep_alive) [[likely]]
      continue;
    stream_.close();
    if (left == 1) return {};
    return failed(failure::read, make_error_code(weft::errc::end_of_stream), due, left - 1);
  }
  return {};
}

weft::result<void> connection::failed(failure step, std::error_code why, std::int64_t due,
                                      unsigned requests) {
  const std::int64_t now = steady_ns();
  if (why == weft::errc::canceled) {
    tally_.unanswered(now, due, requests);
    return std::unexpected(why);
  }
  const failure kind = failure_of(why, step);
  tally_.failed(kind, kind == failure::timeout ? std::error_code{} : why, requests);
  if (kind == failure::timeout) tally_.timed_out(now, now - due, requests);
  stream_.close();
  if (step == failure::connect) WEFT_TRY(weft::this_fiber::sleep_for(reconnect_pause));
  return {};
}

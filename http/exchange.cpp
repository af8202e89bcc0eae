#include <weft/http/exchange.hpp>

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>

#include <weft/http/message/number_text.hpp>
#include <weft/http/message/target.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/clock.hpp>

namespace weft::http::detail {
namespace {

constexpr bool has_encoded_slash(std::string_view path, std::size_t percent) noexcept {
  return percent + 2 < path.size() && path[percent + 1] == '2' &&
         (path[percent + 2] == 'F' || path[percent + 2] == 'f');
}

}  // namespace

exchange::exchange(const service& of, date_cache& date, server_counters& counts)
    : service_{of},
      date_{date},
      counts_{counts},
      input_{of.limits.head.head, *of.memory},
      parser_{of.limits.head},
      request_{input_, *this, *of.memory},
      response_{*this, *of.memory},
      output_{*of.memory, output_first} {}

void exchange::begin(transport& through) noexcept {
  transport_ = &through;
  request_.connection_ = &through;
  parser_.reset();
  route_ = nullptr;
  unread_ = 0;
  answered_ = 0;
  keep_ = expects_continue_ = peer_ended_ = ending_ = broken_ = linger_ = false;
}

void exchange::end() noexcept {
  input_.reset();
  output_.release_beyond(output_first);
  request_.path_copy_.release_beyond(byte_buffer::first_bytes);
  request_.decoded_.release();
  request_.body_.release();
  response_.release();
}

exchange::next exchange::advance() {
  date_.refresh();
  for (;;) {
    if (ending_ || output_.size() >= service_.limits.output_max) return at_rest();
    if (unread_ != 0 && !skip_unread()) return at_rest();
    switch (parser_.parse(input_.unread(), request_.head_)) {
      case parse_outcome::complete:
        if (!dispatch()) return next::handle;
        break;
      case parse_outcome::failed: refuse(parser_.error()); break;
      case parse_outcome::incomplete:
        if (!peer_ended_) return at_rest();
        if (head_begun()) refuse(status::bad_request);
        ending_ = true;
        break;
    }
  }
}

// What is to happen when nothing more can be parsed for now.
exchange::next exchange::at_rest() {
  if (broken_) return next::end;
  if (!output_.empty()) return next::write;
  return ending_ ? next::end : next::read;
}

// Drops the rest of a body that nobody wanted. False: not all of it has come.
bool exchange::skip_unread() {
  const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(unread_, input_.unread().size()));
  input_.consume(length);
  unread_ -= length;
  if (unread_ != 0 && peer_ended_) ending_ = true;
  return unread_ == 0;
}

persistence exchange::decide(bool keep) const noexcept {
  if (!keep || service_.draining.load(std::memory_order_relaxed)) return persistence::close;
  return request_.head_.minor_version == 0 ? persistence::keep_1_0 : persistence::keep;
}

// Whether what is left of the body is little enough to read and drop. A chunked body that has not come whole
// is not: who knows how long it is. Nor is one that waits for a 100 which it will not get.
bool exchange::can_skip_body() const noexcept {
  const request_body& body = request_.body_;
  if (body.ended()) return true;
  return !body.chunked() && !expects_continue_ && body.left() <= service_.limits.unread_max;
}

// Answers what needs no handler. False: the request at hand has one.
bool exchange::dispatch() {
  const request_head& head = request_.head_;
  ++counts_.requests;
  keep_ = !head.says_close && (head.minor_version != 0 || head.says_keep_alive);
  expects_continue_ = head.expects_continue;
  request_.head_.rebase(input_.hold(head.length));
  request_.body_.begin(head, UINT64_MAX);
  route_ = nullptr;
  const route_table& routes = service_.routes;
  if (head.method == http::method::other) return answer(plain_answer(status::not_implemented)), true;
  if (head.form == target_form::authority) return dispatch_connect();
  if (head.form == target_form::asterisk) return answer(routes.options_answer()), true;
  if (!resolve_path()) return refuse(status::bad_request), true;
  const resource& found = routes.find(head.authority_text(), head.raw_path(), request_.parameters_);
  const route* const chosen = found.find(head.method);
  if (chosen == nullptr) return answer(found.answer_without_route(head.method)), true;
  resource_ = &found;
  if (chosen->answer) return answer(chosen->answer->block()), true;
  if (head.content_length > chosen->options.body_max) return refuse(status::content_too_large), true;
  choose(*chosen);
  return false;
}

// A tunnel has no path, and one handler for all of them.
bool exchange::dispatch_connect() {
  const route* const chosen = service_.routes.connect_route();
  if (chosen == nullptr) return answer(service_.routes.not_allowed()), true;
  resource_ = nullptr;
  request_.path_ = {};
  request_.parameters_ = {};
  choose(*chosen);
  return false;
}

void exchange::choose(const route& r) noexcept {
  route_ = &r;
  request_.parameters_.names = &r.names;
  const std::chrono::nanoseconds limit = r.options.deadline;
  const bool has_body = !request_.body_.ended();
  const bool limited = has_body && service_.limits.request.count() != 0;
  if (limit.count() != 0) request_until_ = deadline{limit};
  else request_until_ = limited ? deadline{service_.limits.request} : deadline::never();
  if (!has_body) return;
  body_rate asked = service_.limits.body;
  asked.bytes_per_second = r.options.body_rate.value_or(asked.bytes_per_second);
  pace_.begin(asked);
}

deadline exchange::handler_until() const noexcept {
  WEFT_ASSERT(route_ != nullptr, "there is no request to handle");
  return route_->options.deadline.count() != 0 ? request_until_ : deadline::never();
}

// Decodes the path but for its encoded slashes. False: it cannot be decoded.
bool exchange::resolve_path() {
  const std::string_view raw = request_.head_.raw_path();
  request_.path_ = raw;
  std::size_t percent = raw.find('%');
  if (percent == raw.npos) [[likely]]
    return true;
  byte_buffer& copy = request_.path_copy_;
  copy.clear();
  std::string_view rest = raw;
  while (!rest.empty()) {
    std::size_t until = rest.find('%');
    while (until != rest.npos && !has_encoded_slash(rest, until)) until = rest.find('%', until + 1);
    const std::string_view part = rest.substr(0, until);
    char* const at = copy.extend(part.size());
    const std::size_t length = decode_percent(part, at);
    if (length == undecodable) return false;
    copy.shrink(copy.size() - part.size() + length);
    rest.remove_prefix(part.size());
    if (rest.empty()) break;
    copy.append("%2F");
    rest.remove_prefix(3);
  }
  request_.path_ = copy.text();
  return true;
}

// Sends a fixed response, and goes on behind the body if that can be skipped.
void exchange::answer(const response_block& block) {
  if (!request_.body_.ended()) [[unlikely]]
    request_.body_.skip_received();
  count_response(block.code());
  const persistence how = decide(keep_ && can_skip_body());
  block.append_to(output_, how, request_.head_.method == http::method::head, date_.text().data());
  end_request(how);
}

// Answers a request whose framing is lost, or that is not worth reading to its end; the connection ends.
void exchange::refuse(status why) {
  count_response(why);
  counts_.rejected.record(why);
  plain_answer(why).append_to(output_, persistence::close, request_.head_.method == http::method::head,
                              date_.text().data());
  linger_ = true;
  ending_ = true;
}

void exchange::give_up(status why) {
  date_.refresh();
  refuse(why);
}

// Makes ready for the next request, or to end.
void exchange::end_request(persistence how) {
  input_.release();
  parser_.reset();
  if (how == persistence::close) {
    ending_ = true;
    linger_ = !request_.body_.ended() || !input_.empty();
    return;
  }
  unread_ = request_.body_.left();
}

void exchange::run_handler() {
  WEFT_ASSERT(route_ != nullptr, "there is no request to handle");
  request_.body_.begin(request_.head_, route_->options.body_max);
  response_.reset();
  const result<void> outcome = call_handler();
  date_.refresh();
  if (broken_) {
    if (response_.hijacked_ && !outcome) report_error(outcome.error());
    ending_ = true;
  } else if (response_.streaming_) {
    finish_stream(outcome);
  } else {
    if (!outcome) report_error(outcome.error());
    if (!outcome) fail_response(status_of(outcome.error()));
    finish_response();
  }
  request_.decoded_.release();
  request_.body_.release();
  response_.release();
  route_ = nullptr;
}

stack_class exchange::handler_stack() const noexcept {
  WEFT_ASSERT(route_ != nullptr, "there is no request to handle");
  return route_->options.stack;
}

void exchange::decline(status why) {
  answer(plain_answer(why));
  route_ = nullptr;
}

// A handler's frame is where its exceptions end: the connection's fiber serves more requests than this one.
result<void> exchange::call_handler() {
  try {
    return (*route_->call)(request_, response_);
  } catch (const std::bad_alloc& e) {  // as a limit that is reached
    report_failure(e.what());
    return std::unexpected(status::service_unavailable);
  } catch (const std::exception& e) {
    report_failure(e.what());
  } catch (...) {  // root: of the handler; it is reported and answered 500
    report_failure("an exception that is no std::exception");
  }
  return std::unexpected(status::internal_server_error);
}

// Errors that are answers are no news, nor is a stop, nor what call_handler() has reported.
void exchange::report_error(const std::error_code& error) {
  if (error.category() == status_category() || status_of(error) != status::internal_server_error ||
      error == errc::canceled)
    return;
  report_failure(error.message());
}

void exchange::report_failure(std::string_view what) {
  byte_buffer text;
  try {
    text.append_all("http: ", request_.method(), " ", request_.path(), ": ", what);
  } catch (const std::bad_alloc&) {
    return service_.report(service_.report_context, what);
  }
  service_.report(service_.report_context, text.text());
}

// More of the request's body, from the peer. What is ready goes out first: the peer may wait for it.
result<std::size_t> exchange::fetch(std::span<std::byte> into, deadline until) {
  if (broken_) return std::unexpected(errc::closed);
  if (peer_ended_) return std::unexpected(status::bad_request);
  if (expects_continue_ && !response_.streaming_) output_.append("HTTP/1.1 100 Continue\r\n\r\n");
  expects_continue_ = false;
  const deadline at_most = earlier(until);
  WEFT_TRY(flush(at_most));
  const auto got = fetch_in_time(into, at_most);
  if (!got) {
    const bool late = request_until_ <= until && request_until_.expired();  // not the handler's own deadline
    if (got.error() != errc::deadline_exceeded) broken_ = true;
    else if (late || is_too_slow()) return std::unexpected(status::request_timeout);
    return got;
  }
  if (*got == 0) {
    peer_ended_ = true;
    return std::unexpected(status::bad_request);
  }
  return got;
}

// What has come already is taken even from a peer that was too slow.
result<std::size_t> exchange::fetch_in_time(std::span<std::byte> into, deadline until) {
  if (!pace_.matters()) return transport_->read(into, until);
  const std::int64_t began = weft::detail::steady_ns();
  const auto got = transport_->read(into, std::min(until, deadline{pace_.left()}));
  pace_.waited(std::chrono::nanoseconds{weft::detail::steady_ns() - began}, got.value_or(0));
  return got;
}

}  // namespace weft::http::detail

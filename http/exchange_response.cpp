// The part of an exchange that writes responses: what their heads say, how their bodies are framed, and what
// goes out before and in place of them.
//
// Source: RFC 9110, sections 6.4 to 6.6 and 15; RFC 9112, sections 6 and 7; RFC 8297.
#include <weft/http/exchange.hpp>

#include <utility>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/field_text.hpp>
#include <weft/http/message/number_text.hpp>

namespace weft::http::detail {
namespace {

// From here on, bytes of a known length go out from where the handler has them.
constexpr std::size_t copied_max = 16 << 10;

}  // namespace

// Answers `why` in place of what the handler has said.
void exchange::fail_response(status why) {
  response_.fail(why);
  if (why == status::method_not_allowed && resource_ != nullptr)
    response_.plain_ = resource_->not_allowed.get();
  if (why == status::bad_request || why == status::content_too_large || why == status::request_timeout)
    response_.says_close_ = true;
}

// Whether the response at hand ends with its head.
bool exchange::ends_with_head() const noexcept {
  return request_.head_.method == http::method::head || is_bodiless(response_.status_);
}

void exchange::finish_response() {
  if (!response_.is_sound()) {
    report_failure("a status or a field that must not be sent");
    fail_response(status::internal_server_error);
  } else if (!has_its_length()) {
    report_failure("not as many bytes as content_length()");
    fail_response(status::internal_server_error);
  }
  response_.settle_defaults();
  request_body& body = request_.body_;
  if (!body.ended()) body.skip_received();
  const persistence how = decide(keep_ && !response_.says_close_ && can_skip_body());
  const bool head_only = request_.head_.method == http::method::head;
  if (const response_block* const fixed = response_.fixed(); fixed != nullptr) {
    count_response(fixed->code());
    fixed->append_with(output_, response_.fields_.text(), how, head_only, date_.text().data());
  } else {
    append_response(how);
  }
  end_request(how);
}

// Whether a response that was not streamed has the length that it was said to have.
bool exchange::has_its_length() const noexcept {
  if (!response_.length_ || response_.fixed() != nullptr || ends_with_head()) return true;
  return *response_.length_ == response_.body_text().size();
}

void exchange::append_response(persistence how) {
  const bool resets = response_.status_ == status::reset_content;  // which has no body, but says so
  count_response(response_.status_);
  const std::string_view text = resets ? std::string_view{} : response_.body_text();
  if (!response_.trailers_.empty() && sends_trailers()) {
    write_head(how, framing::chunked, 0);
    if (ends_with_head()) return;
    if (!text.empty()) output_.append_all(number_text{text.size(), 16}, "\r\n", text, "\r\n");
    append_last_chunk();
  } else {
    write_head(how, framing::length, resets ? 0 : response_.length_.value_or(text.size()));
    if (!ends_with_head()) output_.append(text);
  }
}

// Whether trailers may be sent: others than this client would drop them, or stumble over them.
bool exchange::sends_trailers() const noexcept {
  const request_head& head = request_.head_;
  if (head.minor_version == 0 || response_.length_) return false;
  bool wanted = false;
  for (std::size_t i = 0; i < head.field_count; ++i)
    if (equals_ignoring_case(head.text(head.fields[i].name), "te"))
      for_each_element(head.text(head.fields[i].value), [&](std::string_view coding) {
        wanted = wanted || equals_ignoring_case(coding, "trailers");
      });
  return wanted;
}

void exchange::append_last_chunk() {
  output_.append("0\r\n");
  if (!response_.trailers_.empty() && sends_trailers()) output_.append(response_.trailers_.text());
  output_.append("\r\n");
}

void exchange::write_head(persistence how, framing body, std::uint64_t length) {
  const status s = response_.status_;
  output_.append_all("HTTP/1.1 ", number_text{static_cast<std::uint64_t>(s)}, " ", reason_phrase(s),
                     "\r\nDate: ", date_.text(), "\r\n", response_.fields_.text());
  if (s == status::method_not_allowed && !response_.says_allow_ && resource_ != nullptr) [[unlikely]]
    output_.append_all("Allow: ", resource_->allow, "\r\n");
  if (!response_.content_type_.empty())
    output_.append_all("Content-Type: ", response_.content_type_.text(), "\r\n");
  if (!is_bodiless(s)) {
    if (body == framing::chunked) output_.append("Transfer-Encoding: chunked\r\n");
    else if (body == framing::length) output_.append_all("Content-Length: ", number_text{length}, "\r\n");
  }
  output_.append_all(connection_field(how), "\r\n");
}

// Writes the head of a body that is streamed.
result<void> exchange::begin_stream() {
  if (!response_.is_sound()) return std::unexpected(errc::protocol);
  response_.settle_defaults();
  response_.streaming_ = true;
  date_.refresh();
  stream_at_ = output_.size();
  if (response_.status_ == status::reset_content) response_.length_ = 0;
  framing_ = response_.length_                   ? framing::length
             : request_.head_.minor_version != 0 ? framing::chunked
                                                 : framing::none;
  // A body without framing ends with the connection; and whether the request's body will have been read is
  // not known yet.
  if ((framing_ == framing::none && !is_bodiless(response_.status_)) || !can_skip_body() ||
      response_.says_close_)
    keep_ = false;
  const persistence how = decide(keep_);
  keep_ = how != persistence::close;
  count_response(response_.status_);
  write_head(how, framing_, response_.length_.value_or(0));
  return {};
}

// Begins the stream if this is its first piece, and counts it. Whether it is to be sent.
result<bool> exchange::begin_piece(std::uint64_t length) {
  if (broken_) return std::unexpected(errc::closed);
  if (!response_.streaming_) WEFT_TRY(begin_stream());
  if (length == 0 || ends_with_head()) return false;
  if (framing_ == framing::length && length > *response_.length_ - response_.written_) {
    response_.spoilt_ = true;
    return std::unexpected(errc::protocol);
  }
  response_.written_ += length;
  if (framing_ == framing::chunked) output_.append_all(number_text{length, 16}, "\r\n");
  return true;
}

result<void> exchange::stream(std::string_view bytes, deadline until) {
  if (!WEFT_TRY(begin_piece(bytes.size()))) return {};
  if (framing_ != framing::chunked && bytes.size() > copied_max) {
    WEFT_TRY(flush(until));
    return send(bytes, until);
  }
  output_.append(bytes);
  if (framing_ == framing::chunked) output_.append("\r\n");
  return flush(until);  // at once: for how long the handler then waits, nobody knows
}

result<void> exchange::stream_file(io::file& from, std::uint64_t offset, std::uint64_t length,
                                   deadline until) {
  if (!WEFT_TRY(begin_piece(length))) return {};
  const auto written = transport_->write_file(output_.text(), from, offset, length, until);
  sent();
  if (!written) broken_ = true;
  else if (framing_ == framing::chunked) output_.append("\r\n");
  return written;
}

// Ends a streamed body; one that is not complete must not look as if it were.
// That the server's drain has ended it is no failure of the handler's.
void exchange::finish_stream(const result<void>& outcome) {
  const bool whole =
      ends_with_head() || framing_ != framing::length || response_.written_ == *response_.length_;
  if (!outcome || response_.spoilt_ || !whole) {
    if (outcome) report_failure("not as many bytes as content_length(), or a trailer that must not be sent");
    else if (outcome.error() != errc::canceled) report_failure("failed after its response had begun");
    output_.shrink(stream_at_);  // what stays are the answers before it
    ending_ = true;
    return;
  }
  if (framing_ == framing::chunked && !ends_with_head()) append_last_chunk();
  request_.body_.skip_received();
  end_request(keep_ && can_skip_body() ? persistence::keep : persistence::close);
}

result<void> exchange::flush(deadline until) {
  if (broken_) return std::unexpected(errc::closed);
  if (output_.empty()) return {};
  const auto written = send(output_.text(), until);
  sent();
  return written;
}

result<void> exchange::send(std::string_view bytes, deadline until) {
  const auto written = transport_->write(bytes, until);
  if (!written) broken_ = true;  // who knows how much of it has gone
  return written;
}

result<void> exchange::early_hints(std::span<const std::string_view> links, deadline until) {
  if (broken_) return std::unexpected(errc::closed);
  if (response_.streaming_) return std::unexpected(errc::protocol);
  for (const std::string_view link : links)
    if (!is_field_value(link)) return std::unexpected(errc::protocol);
  if (request_.head_.minor_version == 0) return {};
  output_.append("HTTP/1.1 103 Early Hints\r\n");
  for (const std::string_view link : links) output_.append_all("Link: ", link, "\r\n");
  output_.append("\r\n");
  return flush(until);
}

// Whether the status that the handler has set hands the connection over to what the request asked for.
bool exchange::may_hijack() const noexcept {
  if (response_.streaming_ || response_.spoilt_) return false;
  const auto code = static_cast<int>(response_.status_);
  if (request_.head_.method == http::method::connect) return code >= 200 && code < 300;
  return response_.status_ == status::switching_protocols && !request_.upgrade().empty();
}

result<void> exchange::hijack(net::tcp_stream& to, deadline until) {
  if (broken_) return std::unexpected(errc::closed);
  if (!may_hijack()) return std::unexpected(errc::protocol);
  if (!request_.body_.ended() || !input_.empty()) return std::unexpected(status::bad_request);
  const status s = response_.status_;
  response_.settle_defaults();
  date_.refresh();
  count_response(s);
  output_.append_all("HTTP/1.1 ", number_text{static_cast<std::uint64_t>(s)}, " ", reason_phrase(s),
                     "\r\nDate: ", date_.text(), "\r\n", response_.fields_.text(),
                     s == status::switching_protocols ? "Connection: upgrade\r\n\r\n" : "\r\n");
  WEFT_TRY(flush(until));
  transport_->hand_over(to);
  response_.hijacked_ = ending_ = broken_ = true;
  return {};
}

}  // namespace weft::http::detail

// Whatever a handler says, in whatever order, its client reads one response to each request, framed exactly,
// with the status, the body and no other fields than were said.
//
// The input is a list of calls with their arguments; what comes out is read by the strict parser of the
// client. Only what must not look complete may be incomplete: a stream whose handler failed.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/chunk_decoder.hpp>
#include <weft/http/message/response_parser.hpp>

#include "scripted_transport.hpp"

using namespace weft::http;

namespace {

void check(bool holds, std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "line %u: does not hold\n", static_cast<unsigned>(where.line()));
  std::abort();
}

class call_script {
 public:
  explicit call_script(std::string_view bytes) noexcept : rest_{bytes} {}

  bool ended() const noexcept { return rest_.empty(); }
  unsigned number() noexcept {
    if (rest_.empty()) return 0;
    const auto value = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  /// A few arbitrary bytes.
  std::string_view text() noexcept {
    const std::string_view taken = rest_.substr(0, number() % 24);
    const std::string_view bytes = rest_.substr(0, taken.size());
    rest_.remove_prefix(bytes.size());
    return bytes;
  }
  /// One that means something to somebody, or arbitrary bytes.
  std::string_view field_name() noexcept {
    constexpr std::string_view names[] = {
        "X",     "Content-Type",      "content_length", "Content-Length", "Transfer-Encoding",
        "Allow", "transfer_encoding", "Connection",     "Set-Cookie",     "Date"};
    const unsigned choice = number() % 16;
    return choice < std::size(names) ? names[choice] : text();
  }
  std::string_view field_value() noexcept {
    constexpr std::string_view values[] = {"close", "chunked", "7", "a\r\nB: c", "text/x", "keep-alive"};
    const unsigned choice = number() % 12;
    return choice < std::size(values) ? values[choice] : text();
  }

 private:
  std::string_view rest_;
};

struct field {
  std::string name;
  std::string value;
};

// What a handler has said, and may expect of its response.
struct said {
  std::vector<field> fields;
  weft::http::status status = status::ok;
  std::string body;
  bool begun = false;      // a stream
  bool may_break = false;  // off, behind its head: a field or trailer may have been one that must not be sent
  bool has_length = false;  // which may not be that of the body
  bool fixed = false;       // the precompiled response
};

constexpr std::string_view fixed_body = "fixed";

struct asked {
  method how;
  said answer;
};

class conversation {
 public:
  explicit conversation(std::string_view bytes) : script_{bytes} {}

  /// Calls what the script says next, until it pauses, and keeps what may be expected of that.
  weft::result<void> handle(request& q, response& s) {
    said& now = asked_.at(handled_++).answer;
    const auto outcome = call(now, q, s);
    now.has_length = s.content_length().has_value();
    now.may_break = now.begun && (now.may_break || now.has_length || !outcome);
    now.status = outcome || now.begun ? s.status() : status::not_found;
    if (!outcome || now.begun) return outcome;
    now.body = now.fixed ? fixed_body : s.body_text();
    return {};
  }

  /// Some requests, and what is to become of each.
  std::string requests() {
    std::string bytes;
    for (unsigned left = 1 + script_.number() % 3; left != 0; --left) {
      constexpr std::pair<method, std::string_view> methods[] = {
          {method::get, "GET"}, {method::head, "HEAD"}, {method::post, "POST"}, {method::put, "PUT"}};
      const unsigned choice = script_.number();
      const auto [how, name] = methods[choice % std::size(methods)];
      asked_.push_back({how, {}});
      bytes.append(name).append(choice & 4 ? " / HTTP/1.0\r\n" : " / HTTP/1.1\r\nHost: a\r\n");
      if (choice & 8) bytes += "TE: trailers\r\n";
      if (choice & 16) bytes += choice & 32 ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
      if (choice & 64 && how == method::post) bytes += "Content-Length: 3\r\n\r\nabc";
      else if (choice & 128 && !(choice & 4))
        bytes += "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
      else bytes += "\r\n";
    }
    return bytes;
  }

  /// Ends the program if that is not the answer to requests().
  void verify(std::string_view received) const {
    for (const asked& one : asked_) {
      if (received.empty() && one.answer.may_break) break;  // off before its head was sent
      const read_response got = read(received, one);
      received.remove_prefix(got.length);
      if (!got.keeps || (received.empty() && one.answer.may_break)) break;
      // Else the next one must have its answer.
    }
    check(received.empty());
  }

 private:
  struct read_response {
    std::size_t length;
    bool keeps;
  };

  weft::result<void> call(said& now, request& q, response& s) {
    for (unsigned calls = 0; calls < 24 && !script_.ended(); ++calls) {
      const unsigned what = script_.number() % 18;
      if (what == 0) break;
      if (what == 1) return std::unexpected(status::not_found);
      const bool good = what < 9    ? say_head(what, now, s)
                        : what < 12 ? say_body(what, now, s)
                                    : stream(what, now, q, s);
      now.may_break = now.may_break || !good;
    }
    return {};
  }

  std::pair<std::string_view, std::string_view> take_field(said& now) {
    const std::string_view name = script_.field_name();
    const std::string_view value = script_.field_value();
    now.fields.push_back({std::string{name}, std::string{detail::trimmed(value)}});
    return {name, value};
  }

  bool say_head(unsigned call, said& now, response& s) {
    switch (call) {
      case 2: s.status(static_cast<status>(script_.number() * 4 + script_.number() % 4)); return true;
      case 3: {
        constexpr status usual[] = {status::no_content, status::not_modified, status::reset_content,
                                    status::ok, status::method_not_allowed};
        s.status(usual[script_.number() % std::size(usual)]);
        return true;
      }
      case 8: s.content_length(script_.number() % 32); return true;
      default: break;
    }
    if (call == 7) {
      const std::string_view to = script_.text();
      now.fields.push_back({"Location", std::string{to}});
      s.redirect(to);
      return !s.body_begun();
    }
    const auto [name, value] = take_field(now);
    if (call == 4) s.header(name, value);
    else if (call == 5) s.replace_header(name, value);
    else s.default_header(name, value);
    return !s.body_begun();
  }

  bool say_body(unsigned call, said& now, response& s) {
    static const precompiled fixed{status::created, "text/fixed", fixed_body};
    switch (call) {
      case 9: s.text(script_.text()); return true;
      case 10: s.body(std::string{script_.text()}, script_.field_value()); return !s.body_begun();
      default: break;
    }
    s.send(fixed);
    now.fixed = true;
    return true;
  }

  bool stream(unsigned call, said& now, request& q, response& s) {
    switch (call) {
      case 12: return write(script_.text(), now, s);
      case 13: return write({}, now, s);
      case 14: {
        const auto [name, value] = take_field(now);
        s.trailer(name, value);
        return false;
      }
      case 15: {
        const std::string_view link = script_.field_value();
        now.fields.push_back({"Link", std::string{detail::trimmed(link)}});
        (void)s.early_hints({link});
        return true;
      }
      case 16: {
        std::byte some[2];
        (void)q.read(some);
        return true;
      }
      default: return say_cookie(s);
    }
  }

  bool say_cookie(response& s) {
    const unsigned flags = script_.number();
    cookie c{.name = script_.text(), .value = script_.text()};
    if (flags & 1) c.path = script_.text();
    if (flags & 2) c.domain = script_.text();
    if (flags & 4) c.max_age = std::chrono::seconds{static_cast<int>(flags) - 100};
    if (flags & 8) c.expires = std::chrono::sys_seconds{std::chrono::seconds{flags}};
    c.secure = flags & 16;
    s.set_cookie(c);
    return !s.body_begun();
  }

  bool write(std::string_view bytes, said& now, response& s) {
    const auto written = bytes.empty() ? s.flush() : s.write(bytes);
    now.begun = s.body_begun();
    if (written) now.body += bytes;
    return written.has_value();
  }

  static bool was_said(const said& answer, std::string_view name, std::string_view value) {
    constexpr std::string_view ours[] = {"Date",         "Content-Length", "Transfer-Encoding", "Connection",
                                         "Content-Type", "Allow",          "Set-Cookie"};
    return std::ranges::find(ours, name) != std::end(ours) ||
           std::ranges::any_of(answer.fields,
                               [&](const field& f) { return f.name == name && f.value == value; });
  }

  static detail::response_head read_head(std::string_view bytes) {
    detail::response_parser parser{65535};
    detail::response_head head;
    check(parser.parse(bytes, head) == detail::parse_outcome::complete);
    return head;
  }

  static read_response read(std::string_view received, const asked& one) {
    std::size_t length = 0;
    detail::response_head head = read_head(received);
    for (; static_cast<int>(head.status) < 200; head = read_head(received.substr(length))) {
      check(head.status == status::continue_ || head.status == status::early_hints);
      length += head.length;
      if (length == received.size() && one.answer.may_break) return {length, false};
    }
    length += head.length;
    for (std::size_t i = 0; i < head.field_count; ++i)
      check(was_said(one.answer, head.text(head.fields[i].name), head.text(head.fields[i].value)));
    std::string body;
    const bool whole = read_body(received.substr(length), head.ends_with(one.how), head, body, length);
    check(whole || (one.answer.begun && one.answer.may_break && length == received.size()));
    if (whole) check_answer(one, head, body);
    return {length, whole && head.keeps_connection(one.how)};
  }

  static void check_answer(const asked& one, const detail::response_head& head, std::string_view body) {
    const said& expected = one.answer;
    if (head.status == status::internal_server_error && expected.has_length && !expected.begun) return;
    check(head.status == expected.status);
    const bool has_body =
        one.how != method::head && !detail::is_bodiless(head.status) && head.status != status::reset_content;
    if (has_body && static_cast<int>(head.status) < 400) check(body == expected.body);
    else check(has_body || body.empty());
  }

  // Adds what belongs to the body to `length`. Whether it is complete.
  static bool read_body(std::string_view rest, detail::body_end end, const detail::response_head& head,
                        std::string& body, std::size_t& length) {
    using detail::body_end;
    if (end == body_end::head) return true;
    if (end == body_end::last_chunk) return read_chunks(rest, body, length);
    body = end == body_end::length ? rest.substr(0, head.content_length) : rest;
    length += body.size();
    return end == body_end::close || body.size() == head.content_length;
  }

  static bool read_chunks(std::string_view rest, std::string& body, std::size_t& length) {
    using outcome = detail::chunk_decoder::outcome;
    detail::chunk_decoder decoder;
    while (!rest.empty()) {
      const auto got = decoder.next(rest);
      check(got.what != outcome::failed);
      body += got.data;
      length += got.consumed;
      rest.remove_prefix(got.consumed);
      if (got.what == outcome::done) return true;
    }
    return false;
  }

  call_script script_;
  std::vector<asked> asked_;
  std::size_t handled_ = 0;
};

conversation* current = nullptr;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const detail::service of{[] {
    router r;
    r.any("/", [](request& q, response& s) { return current->handle(q, s); });
    return r;
  }()};
  static detail::date_cache date;
  static detail::server_counters counts;
  static detail::exchange e{of, date, counts};
  conversation talk{{reinterpret_cast<const char*>(data), size}};
  current = &talk;
  scripted_transport peer{{talk.requests()}};
  peer.drive(e);
  talk.verify(peer.received);
  return 0;
}

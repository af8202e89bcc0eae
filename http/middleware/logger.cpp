#include <weft/http/middleware/logger.hpp>

#include <array>
#include <string>

#include <weft/http/message/date.hpp>
#include <weft/http/request.hpp>
#include <weft/http/response.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/clock.hpp>

namespace weft::http {
namespace {

constexpr char digits[] = "0123456789abcdef";

// Between quotes; what is not plain ASCII as `escape` and two digits.
void append_escaped(std::string& line, std::string_view text, std::string_view escape) {
  line += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') line += c;
    else line.append(escape) += {digits[byte >> 4], digits[byte & 15]};
  }
  line += '"';
}

// As nginx and Apache do.
void append_quoted(std::string& line, std::string_view text) { append_escaped(line, text, "\\x"); }

// A string of JSON, of bytes: those beyond ASCII as the code points of Latin-1. Source: RFC 8259, section 7.
void append_json(std::string& line, std::string_view text) { append_escaped(line, text, "\\u00"); }

// The present second: "06/Nov/1994:08:49:37 +0000", or "1994-11-06T08:49:37Z".
std::string time_text(bool json) {
  std::array<char, detail::date_length> fixdate;  // Sun, 06 Nov 1994 08:49:37 GMT
  detail::format_date(detail::date_cache::coarse_unix_seconds(), fixdate.data());
  const std::string_view date{fixdate.data(), fixdate.size()};
  const std::string day{date.substr(5, 2)}, month{date.substr(8, 3)}, year{date.substr(12, 4)};
  const std::string time{date.substr(17, 8)};
  if (!json) return day + '/' + month + '/' + year + ':' + time + " +0000";
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const std::size_t number = months.find(month) / 3 + 1;
  return year + (number < 10 ? "-0" : "-") + std::to_string(number) + '-' + day + 'T' + time + 'Z';
}

// Bytes of the body that goes out. An error is answered by weft, in place of what the handler has said.
std::size_t bytes_sent(const request& q, const response& s, status code, bool failed) {
  if (s.body_begun()) return s.body_size();
  if (q.method() == "HEAD" || detail::is_bodiless(code) || code == status::reset_content) return 0;
  return failed ? detail::plain_answer(code).body_length() : s.body_size();
}

}  // namespace

logger::logger(logger_options options) : options_{std::move(options)} {
  WEFT_ASSERT(static_cast<bool>(options_.sink), "a logger without a sink");
}

result<void> logger::operator()(request& q, response& s, next n) const {
  const std::int64_t began = weft::detail::steady_ns();
  try {
    const result<void> outcome = n();
    const status code = outcome || s.body_begun() ? s.status() : status_of(outcome.error());
    write(q, code, bytes_sent(q, s, code, !outcome), began);
    return outcome;
  } catch (...) {  // root: the exchange's, which reports it and answers 500
    const status code = s.body_begun() ? s.status() : status::internal_server_error;
    write(q, code, bytes_sent(q, s, code, true), began);
    throw;
  }
}

void logger::write(const request& q, status code, std::size_t bytes, std::int64_t began) const {
  const std::int64_t micros = (weft::detail::steady_ns() - began) / 1000;
  const auto remote = q.remote_address();
  std::array<char, net::address::text_max> text;
  const std::string_view address =
      remote ? remote->unmapped().with_port(0).write_to(text) : std::string_view{"-"};
  const std::string_view host = address.substr(0, address.rfind(':'));
  const std::string number = std::to_string(static_cast<int>(code));
  std::string line;
  line.reserve(256);
  if (options_.format == log_format::json) {
    line.append("{\"time\":\"").append(time_text(true)).append("\",\"remote\":");
    append_json(line, host);
    line += ",\"method\":";
    append_json(line, q.method());
    line += ",\"target\":";
    append_json(line, q.target());
    line.append(",\"status\":").append(number);
    line.append(",\"bytes\":").append(std::to_string(bytes));
    line.append(",\"microseconds\":").append(std::to_string(micros)).append(",\"user_agent\":");
    append_json(line, q.header("User-Agent").value_or(""));
    line += '}';
  } else {
    line.append(host).append(" - - [").append(time_text(false)).append("] ");
    std::string request_line{q.method()};
    append_quoted(line, request_line.append(" ").append(q.target()).append(" ").append(q.protocol()));
    line.append(" ").append(number).append(" ").append(std::to_string(bytes));
    if (options_.format == log_format::combined) {
      for (const char* name : {"Referer", "User-Agent"}) {
        line += ' ';
        append_quoted(line, q.header(name).value_or("-"));
      }
    }
  }
  options_.sink(line);
}

}  // namespace weft::http

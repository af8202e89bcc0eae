// A whole conversation: whatever the peer sends, in whatever pieces, it gets the same responses, and each
// begins like one.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <weft/http/message/ascii.hpp>

#include "scripted_transport.hpp"

using namespace weft::http;

namespace {

router routes() {
  router r;
  r.get("/", precompiled{status::ok, "text/plain", "x"});
  r.get("/users/{id}", [](request& q, response& s) -> weft::result<void> {
    s.text(std::to_string(WEFT_TRY(q.param<int>("id"))) + std::string{q.query("a").value_or("")});
    return {};
  });
  r.post("/echo", [](request& q, response& s) -> weft::result<void> {
    s.text(WEFT_TRY(q.body()));
    return {};
  });
  r.post("/count", [](request& q, response& s) -> weft::result<void> {
    std::byte buffer[5];
    std::size_t sum = 0;
    while (const std::size_t n = WEFT_TRY(q.read(buffer))) sum += n;
    s.header("X", q.header("x").value_or("none")).text(std::to_string(sum));
    return {};
  });
  return r;
}

// The responses without their dates and without 100 Continue, which depends on what has come.
std::string talk(std::string_view bytes, std::size_t step) {
  static const detail::service of{routes()};
  static detail::date_cache date;
  static detail::server_counters counts;
  static detail::exchange e{of, date, counts};
  std::vector<std::string> pieces;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size())))
    pieces.emplace_back(bytes.substr(0, step));
  scripted_transport peer{std::move(pieces)};
  peer.drive(e);
  std::string text = std::move(peer.received);
  for (std::size_t at = 0; (at = text.find("Date: ", at)) != text.npos;) text.erase(at, 37);
  const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
  for (std::size_t at = 0; (at = text.find(interim, at)) != text.npos;) text.erase(at, interim.size());
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  const std::string whole = talk(bytes, bytes.size());
  if (!whole.empty() && !whole.starts_with("HTTP/1.1 ")) std::abort();
  // Whether an unread chunked or expected body is skipped does depend on how much of it has come: then only
  // the first status counts.
  std::string lower{bytes};
  for (char& c : lower) c = detail::to_lower(c);
  const bool depends = lower.find("chunked") != lower.npos || lower.find("100-") != lower.npos;
  const std::string split = talk(bytes, 1 + data[0] % 32);
  if (depends ? whole.substr(0, 12) != split.substr(0, 12) : whole != split) std::abort();
  return 0;
}

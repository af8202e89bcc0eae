// An exchange with routes of its own, and what its peer gets to hear.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <weft/http/exchange.hpp>

#include "conversation.hpp"
#include "scripted_transport.hpp"

struct answers {
  std::string text;  // without dates
  unsigned sends = 0;
  bool lingers = false;
};

class exchange_world {
 public:
  explicit exchange_world(weft::http::router routes) : of{std::move(routes)} {
    of.report_context = this;
    of.report = [](void* self, std::string_view text) {
      static_cast<exchange_world*>(self)->reports.emplace_back(text);
    };
  }

  answers talk(std::vector<std::string> pieces, bool stays_silent = false) {
    scripted_transport peer{std::move(pieces)};
    peer.stays_silent = stays_silent;
    peer.drive(e);
    return {without_dates(peer.received), peer.sends, e.wants_linger()};
  }
  std::string ask(std::vector<std::string> pieces) { return talk(std::move(pieces)).text; }
  std::string ask(const std::string& bytes) { return ask(std::vector{bytes}); }

  weft::http::detail::service of;
  std::vector<std::string> reports;

 private:
  weft::http::detail::date_cache date_;
  weft::http::detail::server_counters counts_;

 public:
  weft::http::detail::exchange e{of, date_, counts_};
};

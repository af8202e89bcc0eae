#include <weft/net/resolver.hpp>

#include <netdb.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include <weft/net/connect_any.hpp>
#include <weft/net/name_lookup.hpp>
#include <weft/net/resolve.hpp>
#include <weft/runtime/base/clock.hpp>

namespace weft::net {
namespace {

// Names are the same in upper and lower case (RFC 4343). A dot at the end stays: it keeps the system from
// looking in its search domains.
std::string canonical(std::string_view host) {
  std::string out{host};
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool says_no_such_name(const std::error_code& error) noexcept {
  return error == std::error_code{EAI_NONAME, detail::resolve_category()};
}

}  // namespace

resolver::resolver(resolver_options options) : options_{options} {}
resolver::~resolver() = default;

// One that is under way holds for everybody.
bool resolver::holds(const detail::name_lookup& l, std::int64_t now) const noexcept {
  if (!l.ended()) return true;
  const std::int64_t age = now - l.ended_at();
  if (l.found()) return age < options_.ttl.count();
  return says_no_such_name(l.found().error()) && age < options_.negative_ttl.count();
}

// Under the lock. What is out of date goes first; then the oldest that has ended. A walk over all names, but
// only when there is no room, beside a lookup that takes far longer.
void resolver::make_room(std::int64_t now) noexcept {
  if (names_.size() < options_.names_max) return;
  std::erase_if(names_, [&](const auto& entry) { return !holds(*entry.second, now); });
  if (names_.size() < options_.names_max) return;
  const auto age = [](const auto& entry) {
    return entry.second->ended() ? entry.second->ended_at() : INT64_MAX;
  };
  const auto oldest = std::min_element(names_.begin(), names_.end(),
                                       [&](const auto& a, const auto& b) { return age(a) < age(b); });
  if (oldest != names_.end()) names_.erase(oldest);
}

resolver::lookup resolver::find_or_start(std::string host) {
  lookup started;
  {
    const std::lock_guard guard{lock_};
    const std::int64_t now = detail::steady_ns();
    const auto at = names_.find(host);
    if (at != names_.end() && holds(*at->second, now)) {
      ++hits_;
      return at->second;
    }
    if (at == names_.end()) make_room(now);
    ++lookups_;
    started = std::make_shared<detail::name_lookup>(
        host, options_.lookup != nullptr ? options_.lookup : detail::lookup_by_system);
    names_.insert_or_assign(std::move(host), started);
  }
  detail::name_lookup::start(started);
  return started;
}

result<std::vector<address>> resolver::resolve(std::string_view host_port, deadline until) {
  const auto numeric = address::parse(host_port);
  if (numeric) return std::vector{*numeric};
  if (!detail::is_name_with_port(host_port, numeric.error())) return std::unexpected(numeric.error());
  const lookup l = find_or_start(canonical(detail::host_part(host_port)));
  WEFT_TRY(l->wait(until));
  return detail::with_port_of(host_port, WEFT_TRY(l->found()));
}

result<tcp_stream> resolver::connect(std::string_view host_port, deadline until) {
  const std::vector<address> candidates = WEFT_TRY(resolve(host_port, until));
  return detail::connect_any(candidates, until);
}

void resolver::clear() noexcept {
  std::unordered_map<std::string, lookup> gone;
  const std::lock_guard guard{lock_};
  names_.swap(gone);
}

pool_stats resolver::listing::stats() noexcept {
  const resolver_stats s = of_.stats();
  pool_stats all;
  all.in_use = all.high_water = s.names;
  all.capacity = all.limit = of_.options_.names_max;
  all.hits = s.hits;
  all.misses = s.lookups;
  return all;
}

resolver_stats resolver::stats() const noexcept {
  const std::lock_guard guard{lock_};
  return {names_.size(), hits_, lookups_};
}

}  // namespace weft::net

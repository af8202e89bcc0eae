#include <sim/mutation.hpp>

#include <cstring>
#include <unordered_map>

#include <sim/trace.hpp>

namespace weft {
namespace detail {

bool mutation_on = false;

namespace {

bool surveying = false;
bool mutating = false;
mutation active;

std::unordered_map<const volatile void*, std::uint64_t>& previous_values() {
  static std::unordered_map<const volatile void*, std::uint64_t> all;
  return all;
}

bool is_active(const std::source_location& site) noexcept {
  if (site.line() != active.line || (active.column != 0 && site.column() != active.column)) return false;
  return std::string_view{site.file_name()}.ends_with(active.file);
}

void survey(step_kind kind, const std::source_location& site) noexcept {
  world_record& r = record();
  for (std::size_t i = 0; i < r.sites_count; ++i) {
    const surveyed_site& s = r.sites[i];
    if (s.kind == kind && s.site.line() == site.line() && s.site.column() == site.column() &&
        std::strcmp(s.site.file_name(), site.file_name()) == 0)
      return;
  }
  if (r.sites_count < world_record::sites_max) r.sites[r.sites_count++] = {site, kind};
}

}  // namespace

bool can_tear(step_kind kind) noexcept {
  return kind == step_kind::exchange || kind == step_kind::compare_exchange ||
         kind == step_kind::compare_exchange_weak || kind == step_kind::fetch;
}

bool can_drop(step_kind kind) noexcept {
  return can_tear(kind) || kind == step_kind::load || kind == step_kind::store ||
         kind == step_kind::futex_wake || kind == step_kind::notify;
}

bool mutation_needs_values() noexcept { return mutating && active.how == mutation::change::drop; }

step_verdict mutated(step_kind kind, const std::source_location& site) noexcept {
  if (surveying) survey(kind, site);
  if (!mutating || !is_active(site)) return step_verdict::plain;
  if (active.how == mutation::change::drop)
    return can_drop(kind) ? step_verdict::dropped : step_verdict::plain;
  return can_tear(kind) ? step_verdict::torn : step_verdict::plain;
}

void remember_change(const volatile void* address, std::uint64_t before, std::uint64_t after) noexcept {
  if (mutating && before != after) previous_values()[address] = before;
}

void forget_changes() noexcept { previous_values().clear(); }

std::uint64_t stale_value(const volatile void* address, std::uint64_t now) noexcept {
  const auto found = previous_values().find(address);
  return found == previous_values().end() ? now : found->second;
}

void set_survey(bool on) noexcept {
  surveying = on;
  mutation_on = mutating || surveying;
}

}  // namespace detail

scoped_mutation::scoped_mutation(const mutation& m) {
  detail::active = m;
  detail::mutating = detail::mutation_on = true;
  detail::set_trace(detail::trace_on);
}

scoped_mutation::~scoped_mutation() {
  detail::mutating = false;
  detail::mutation_on = detail::surveying;
  detail::set_trace(detail::trace_on);
}

}  // namespace weft

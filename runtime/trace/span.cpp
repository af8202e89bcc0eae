#include <weft/runtime/trace/span.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>

#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/fiber_local.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/trace/sampling.hpp>
#include <weft/runtime/trace/thread_ring.hpp>

namespace weft::trace {
namespace {

// Never destroyed: spans of static objects end after static objects do.
fiber_local<context>& current_here() {
  static fiber_local<context>& instance = *new fiber_local<context>{inherit::copy};
  return instance;
}

std::uint64_t new_span_id(detail::thread_ring& ring) noexcept {
  for (;;)
    if (const std::uint64_t id = ring.random_low()) return id;
}

context child_of(const context& parent, detail::thread_ring& ring) noexcept {
  if (parent)
    return {
        .trace = parent.trace, .span = new_span_id(ring), .sampled = parent.sampled, .state = parent.state};
  const trace_id root{.high = ring.random_high(), .low = ring.random_low() | 1};
  return {.trace = root, .span = new_span_id(ring), .sampled = detail::is_sampled(root)};
}

}  // namespace

void span::begin(std::string_view name, span_kind kind, const trace::context* parent) noexcept {
  detail::thread_ring* const ring = detail::own_ring();
  if (ring == nullptr) return;
  try {
    trace::context& now = current_here().get();
    const trace::context& above = parent != nullptr ? *parent : now;
    work_.emplace();
    work_->here = child_of(above, *ring);
    work_->parent = above ? above.span : 0;
    work_->outer = std::exchange(now, work_->here);
  } catch (const std::bad_alloc&) {
    return;  // not traced, for want of memory
  }
  work_->kind = static_cast<std::uint8_t>(kind);
  work_->fiber = static_cast<std::uint64_t>(this_fiber::get_id());
  work_->name_length = static_cast<std::uint8_t>(std::min(name.size(), sizeof work_->name));
  std::memcpy(work_->name, name.data(), work_->name_length);
  work_->start = weft::detail::steady_ns();
  if (work_->here.sampled) write_edge(detail::record_kind::span_begin);
}

// A fiber that has no span any more has nothing for those that it spawns.
void span::end() noexcept {
  if (work_->here.sampled) write_edge(detail::record_kind::span_end);
  fiber_local<trace::context>& now = current_here();
  if (!work_->outer) now.reset();
  else if (trace::context* const mine = now.get_if()) *mine = std::move(work_->outer);
}

detail::record span::record_of(detail::record_kind kind) const noexcept {
  return {.kind = kind, .fiber = work_->fiber, .subject = work_->here.span};
}

void span::write_edge(detail::record_kind kind) noexcept {
  detail::record r = record_of(kind);
  r.detail = work_->kind;
  r.number = work_->failed ? 1 : 0;
  r.append_raw(detail::span_identity{.trace_high = work_->here.trace.high,
                                     .trace_low = work_->here.trace.low,
                                     .parent = work_->parent,
                                     .start = work_->start});
  r.append({work_->name, work_->name_length});
  detail::write(r);
}

void span::write_event(std::string_view name) noexcept {
  detail::record r = record_of(detail::record_kind::span_event);
  r.append(name);
  detail::write(r);
}

void span::write_text(std::string_view key, std::string_view value) noexcept {
  detail::record r = record_of(detail::record_kind::attribute);
  r.detail = static_cast<std::uint8_t>(detail::value_kind::text);
  r.append(key.substr(0, detail::key_max));
  r.key_length = r.length;
  r.append(value);
  detail::write(r);
}

void span::write_number(std::string_view key, detail::value_kind kind, std::uint64_t bits) noexcept {
  detail::record r = record_of(detail::record_kind::attribute);
  r.detail = static_cast<std::uint8_t>(kind);
  r.append(key.substr(0, detail::key_max));
  r.key_length = r.length;
  r.append_raw(bits);
  detail::write(r);
}

void span::write_integer(std::string_view key, std::int64_t value) noexcept {
  write_number(key, detail::value_kind::integer, static_cast<std::uint64_t>(value));
}

void span::write_real(std::string_view key, double value) noexcept {
  write_number(key, detail::value_kind::real, std::bit_cast<std::uint64_t>(value));
}

void span::write_failure(std::string_view why) noexcept {
  work_->failed = true;
  detail::record r = record_of(detail::record_kind::status);
  r.append(why);
  detail::write(r);
}

context current() {
  if (!detail::spans_on()) return {};
  const context* const mine = current_here().get_if();
  return mine == nullptr ? context{} : *mine;
}

}  // namespace weft::trace

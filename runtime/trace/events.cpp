#include <weft/runtime/trace/events.hpp>

#include <string_view>

#include <weft/runtime/fiber.hpp>
#include <weft/runtime/operation.hpp>
#include <weft/runtime/trace/thread_ring.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::trace::detail {
namespace {

std::uint64_t running_here() noexcept {
  const weft::detail::worker* const here = weft::detail::worker::current();
  const weft::detail::fiber* const f = here == nullptr ? nullptr : here->running();
  return f == nullptr ? 0 : static_cast<std::uint64_t>(f->id);
}

std::uint64_t address_of(const weft::detail::operation& op) noexcept {
  return reinterpret_cast<std::uint64_t>(&op);
}

// The last part of a path.
std::string_view file_of(std::string_view path) noexcept {
  return path.substr(path.find_last_of('/') + 1);  // npos + 1: all of it
}

}  // namespace

void spawned(const weft::detail::fiber& made) noexcept {
  record r{.kind = record_kind::spawn,
           .number = made.site.line(),
           .fiber = running_here(),
           .subject = static_cast<std::uint64_t>(made.id)};
  r.append(made.title());
  r.key_length = r.length;
  r.append(file_of(made.site.file_name()));
  write(r);
}

void goes_on(const weft::detail::fiber& f, bool begins) noexcept {
  record r{.kind = record_kind::run, .detail = begins, .fiber = static_cast<std::uint64_t>(f.id)};
  r.append(f.title());
  write(r);
}

void leaves(const weft::detail::fiber& f, record_kind how) noexcept {
  record r{.kind = how, .fiber = static_cast<std::uint64_t>(f.id)};
  if (how == record_kind::park) r.detail = static_cast<std::uint8_t>(f.why.get());
  write(r);
}

void woken(const weft::detail::fiber& f) noexcept {
  record r{.kind = record_kind::wake, .fiber = running_here(), .subject = static_cast<std::uint64_t>(f.id)};
  write(r);
}

void stole(std::size_t count, unsigned victim) noexcept {
  record r{.kind = record_kind::steal, .number = static_cast<std::uint32_t>(count), .subject = victim};
  write(r);
}

void submitted(const weft::detail::operation& op) noexcept {
  record r{.kind = record_kind::submit,
           .detail = static_cast<std::uint8_t>(op.code),
           .number = static_cast<std::uint32_t>(op.fd),
           .fiber = running_here(),
           .subject = address_of(op)};
  write(r);
}

void completed(weft::detail::operation& op, int outcome, bool more) noexcept {
  record r{.kind = record_kind::complete,
           .detail = static_cast<std::uint8_t>(op.code),
           .key_length = more,
           .number = static_cast<std::uint32_t>(outcome),
           .subject = address_of(op)};
  write(r);
  op.complete(op, outcome, more);
}

}  // namespace weft::trace::detail

#include <weft/runtime/inspect/fibers.hpp>

#include <cerrno>
#include <memory>
#include <ostream>

#include <poll.h>
#include <unistd.h>

#include <weft/runtime/cancellation_shield.hpp>
#include <weft/runtime/inspect/survey.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/thread_stack.hpp>

namespace weft {
namespace {

std::string render(const fiber_list& all, dump_format format) {
  return format == dump_format::json ? fibers_json(all) : fibers_text(all);
}

constexpr int reader_patience_ms = 1'000;  // guess: a terminal that is stopped may stay so

// Whether there is room. A signal that interrupts the wait is as good as room: the next write tells.
bool await_room(int descriptor) {
  pollfd room{.fd = descriptor, .events = POLLOUT, .revents = 0};
  return ::poll(&room, 1, reader_patience_ms) != 0;
}

// All of it, even where the descriptor does not block, as long as somebody reads.
bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(descriptor, text.data(), text.size());
    if (n < 0 && (errno == EINTR || (errno == EAGAIN && await_room(descriptor)))) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

std::string_view name(fiber_phase phase) noexcept {
  constexpr std::string_view names[] = {"unstarted", "ready", "running", "parked"};
  return names[static_cast<std::size_t>(phase)];
}

fiber_list list_fibers(const inspect_options& o) {
  const cancellation_shield shielded;
  const auto all = on_thread_stack([&] { return std::make_unique<detail::survey>(o); });
  all->await();
  const fiber_id asker = this_fiber::get_id();
  return on_thread_stack([&] { return all->take(asker); });
}

void dump_fibers(std::ostream& out, dump_format format, const inspect_options& o) {
  const std::string text = render(list_fibers(o), format);
  on_thread_stack([&] { out << text << std::flush; });
}

bool dump_fibers(int descriptor, dump_format format, const inspect_options& o) {
  const std::string text = render(list_fibers(o), format);
  return on_thread_stack([&] { return write_all(descriptor, text); });
}

}  // namespace weft

#include <weft/runtime/describe.hpp>

#include <charconv>
#include <cstring>
#include <string_view>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/fiber_record.hpp>
#include <weft/runtime/overflow.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::detail {
namespace {

// Appends to a caller's buffer: what a signal handler and a failing assertion may use.
class text_buffer {
 public:
  text_buffer(char* out, std::size_t size) noexcept : out_{out}, size_{size} {}

  text_buffer& operator<<(std::string_view text) noexcept {
    const std::size_t n = text.size() < size_ - used_ ? text.size() : size_ - used_;
    std::memcpy(out_ + used_, text.data(), n);
    used_ += n;
    return *this;
  }
  text_buffer& operator<<(std::uint64_t number) noexcept {
    char digits[20];
    return *this << std::string_view{digits, std::to_chars(digits, digits + sizeof digits, number).ptr};
  }

  std::size_t used() const noexcept { return used_; }

 private:
  char* out_;
  std::size_t size_;
  std::size_t used_ = 0;
};

constexpr std::string_view reasons[] = {"nothing",
                                        "a sleep",
                                        "a join",
                                        "room for a fiber",
                                        "I/O",
                                        "offloaded work",
                                        "a signal",
                                        "an event",
                                        "a wait group",
                                        "its turn",
                                        "a semaphore",
                                        "a latch",
                                        "a barrier",
                                        "a rate limit",
                                        "news of a stop",
                                        "room in a channel",
                                        "a value from a channel",
                                        "a mutex",
                                        "a shared mutex",
                                        "a condition",
                                        "a call_once",
                                        "the children of a nursery",
                                        "one of several things",
                                        "a future",
                                        "another try",
                                        "something of a pool",
                                        "a child of a join_set"};

// Null on a foreign thread, and while weft's own code runs, be it on a fiber's stack.
const fiber* running_here() noexcept {
  const worker* const here = worker::current();
  return here == nullptr ? nullptr : here->running();
}

std::size_t describe(fiber_id id, std::string_view title, const std::source_location& site, char* out,
                     std::size_t size) noexcept {
  text_buffer text{out, size};
  text << "fiber " << static_cast<std::uint64_t>(id);
  if (!title.empty()) text << " \"" << title << "\"";
  text << " (spawned at " << site.file_name() << ":" << site.line() << " in " << site.function_name() << ")";
  return text.used();
}

}  // namespace

std::size_t describe_into(const fiber& f, char* out, std::size_t size) noexcept {
  return describe(f.id, f.title(), f.site, out, size);
}

std::string description_of(const fiber& f) {
  char text[512];
  return {text, describe_into(f, text, sizeof text)};
}

std::string description_of_other(const fiber& f) {
  fiber_record r;
  if (!read_record(f, r)) return {};
  char text[512];
  return {text, describe(r.id, r.name.data(), r.site, text, sizeof text)};
}

std::string_view what_is_awaited(park_reason why) noexcept { return reasons[static_cast<std::size_t>(why)]; }

std::span<const std::string_view> all_that_is_awaited() noexcept { return reasons; }

std::string activity_of(const fiber& f) {
  switch (f.state.load(std::memory_order_relaxed)) {
    case fiber_state::unstarted: return "has not started";
    case fiber_state::started: break;
    default: return "has ended";
  }
  if (f.waiting.get() == nullptr) return "runs or is ready";
  return "waits for " + std::string{what_is_awaited(f.why.get())};
}

void describe_fibers() noexcept {
  set_assert_describer([](char* out, std::size_t size) noexcept -> std::size_t {
    const fiber* const f = running_here();
    return f == nullptr ? 0 : describe_into(*f, out, size);
  });
  set_fiber_describer([](const void* stack_base, char* out, std::size_t size) noexcept -> std::size_t {
    const fiber* const f = running_here();
    return f == nullptr || f->stack != stack_base ? 0 : describe_into(*f, out, size);
  });
}

}  // namespace weft::detail

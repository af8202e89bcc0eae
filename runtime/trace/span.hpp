// trace::span: a piece of work with a beginning and an end, in a scope.
//
//     weft::trace::span s{"load"};
//     s.set("rows", 17);
//     s.event("sorted");
//
// Its parent is the current span of the fiber, or the foreign thread, that makes it; it is the current one
// until it ends. A fiber begins with the current span of its spawner. blocking() runs elsewhere and begins
// without one, and so does who receives from a channel: nothing is added to the messages of all for the sake
// of those that are traced. Send trace::current() along, and make the span with it:
//
//     jobs.send({.what = job, .from = trace::current()});      trace::span s{"job", received.from};
//
// Whether a trace is recorded is decided where it begins (trace::options::sampled), and holds for all its
// spans. While nothing is traced a span is one load, one test and a byte of the stack. Not to be used where
// no fiber runs on a worker (on_thread_stack).
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>

#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/trace/context.hpp>
#include <weft/runtime/trace/mode.hpp>
#include <weft/runtime/trace/record.hpp>

namespace weft::trace {

/// The part that a span plays between processes. Source: OpenTelemetry, SpanKind.
enum class span_kind : std::uint8_t { internal, server, client, producer, consumer };

namespace detail {

/// What a span that is traced keeps.
struct span_work {
  trace::context here;
  trace::context outer;  // the current one before, and after
  std::uint64_t parent = 0;
  std::int64_t start = 0;
  std::uint64_t fiber = 0;
  std::uint8_t kind = 0;
  std::uint8_t name_length = 0;
  bool failed = false;
  char name[record::name_size];
};

}  // namespace detail

class span {
 public:
  /// Texts are copied: 56 bytes of a name, 80 of a key, 88 of a key and its value, of an event and of
  /// what failed; what is more is cut off.
  ///
  /// Safe from  any fiber or foreign thread; the span is that one's, and ends there, after those made later.
  /// Cost       1 ns while nothing is traced; else 300 ns, 150 if not sampled, and two allocations per fiber.
  explicit span(std::string_view name, span_kind kind = span_kind::internal) noexcept {
    if (detail::spans_on()) [[unlikely]]
      begin(name, kind, nullptr);
  }
  /// A child of `parent`; of nobody, and so the root of a trace, if that names no span.
  span(std::string_view name, const context& parent, span_kind kind = span_kind::internal) noexcept {
    if (detail::spans_on()) [[unlikely]]
      begin(name, kind, &parent);
  }
  span(const span&) = delete;
  span& operator=(const span&) = delete;
  ~span() {
    if (work_) [[unlikely]]
      end();
  }

  /// Something happened now.
  void event(std::string_view name) noexcept {
    if (recorded()) [[unlikely]]
      write_event(name);
  }

  /// Says something of the span. The later value of a key counts.
  void set(std::string_view key, std::string_view value) noexcept {
    if (recorded()) [[unlikely]]
      write_text(key, value);
  }
  void set(std::string_view key, const char* value) noexcept { set(key, std::string_view{value}); }
  template <class T>
    requires std::integral<T> || std::floating_point<T>
  void set(std::string_view key, T value) noexcept {
    if (!recorded()) [[likely]]
      return;
    if constexpr (std::same_as<T, bool>) write_number(key, detail::value_kind::boolean, value ? 1 : 0);
    else if constexpr (std::integral<T>) write_integer(key, static_cast<std::int64_t>(value));
    else write_real(key, static_cast<double>(value));
  }

  /// The work has failed, and why.
  void fail(std::string_view why) noexcept {
    if (recorded()) [[unlikely]]
      write_failure(why);
  }

  /// Whether it is recorded: traced, and sampled.
  bool recorded() const noexcept { return work_ && work_->here.sampled; }

  /// For its children elsewhere; names no span while nothing is traced.
  trace::context context() const { return work_ ? work_->here : trace::context{}; }

 private:
  void begin(std::string_view name, span_kind kind, const trace::context* parent) noexcept;
  void end() noexcept;
  detail::record record_of(detail::record_kind kind) const noexcept;
  void write_edge(detail::record_kind kind) noexcept;
  void write_event(std::string_view name) noexcept;
  void write_text(std::string_view key, std::string_view value) noexcept;
  void write_integer(std::string_view key, std::int64_t value) noexcept;
  void write_real(std::string_view key, double value) noexcept;
  void write_number(std::string_view key, detail::value_kind kind, std::uint64_t bits) noexcept;
  void write_failure(std::string_view why) noexcept;

  std::optional<detail::span_work> work_;
};

/// Of the innermost span of the calling fiber or foreign thread; names no span if there is none, or nothing
/// is traced.
context current();

}  // namespace weft::trace

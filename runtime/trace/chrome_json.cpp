#include <weft/runtime/trace/chrome_json.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <weft/runtime/base/json_writer.hpp>
#include <weft/runtime/describe.hpp>
#include <weft/runtime/operation.hpp>
#include <weft/runtime/trace/hexadecimal.hpp>
#include <weft/runtime/trace/span_list.hpp>

namespace weft::trace {
namespace {

using detail::record;
using detail::record_kind;
using detail::recorded_span;
using weft::detail::json_writer;
using weft::detail::operation_code;

// Nanoseconds as the format's microseconds, exactly.
std::string micros(std::int64_t ns) {
  char text[40];
  std::snprintf(text, sizeof text, "%lld.%03d", static_cast<long long>(ns / 1000),
                static_cast<int>(ns % 1000));
  return text;
}

// The events, each a JSON object, to be put in the order of their times.
class event_list {
 public:
  event_list(const recording& of, const std::vector<recorded_span>& spans) : of_{of}, zero_{of.taken} {
    for (const recording::track& t : of.tracks)
      if (!t.records.empty()) zero_ = std::min(zero_, t.records.front().time);
    for (const recorded_span& s : spans) zero_ = std::min(zero_, s.identity.start);
  }

  /// An event of so-called phase; `more` writes what else belongs to it.
  template <class F>
  void add(const char* phase, std::string_view name, std::size_t track, std::int64_t at, F&& more) {
    std::string text;
    json_writer out{text};
    out.begin_object().key("ph").value(phase).key("name").value(name);
    out.key("pid").value(process_).key("tid").value(of_.tracks[track].thread);
    out.key("ts").literal(micros(at - zero_));
    more(out);
    out.end_object();
    events_.push_back({.at = at, .order = events_.size(), .text = std::move(text)});
  }

  std::string text() {
    std::ranges::sort(events_, [](const event& a, const event& b) {
      return a.at != b.at ? a.at < b.at : a.order < b.order;
    });
    std::string all = "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n";
    name_tracks(all);
    for (const event& e : events_) all.append(",\n").append(e.text);
    return all += "\n]}\n";
  }

 private:
  struct event {
    std::int64_t at;
    std::size_t order;
    std::string text;
  };

  void name_tracks(std::string& all) const {
    json_writer out{all};
    const auto name = [&](const char* what, std::uint64_t thread, std::string_view text) {
      out.begin_object().key("ph").value("M").key("name").value(what).key("pid").value(process_);
      out.key("tid").value(thread).key("args").begin_object().key("name").value(text).end_object();
      out.end_object();
    };
    name("process_name", static_cast<std::uint64_t>(process_), "weft");
    for (const recording::track& t : of_.tracks) name("thread_name", t.thread, t.name);
  }

  const recording& of_;
  const int process_ = ::getpid();
  std::int64_t zero_;
  std::vector<event> events_;
};

std::string fiber_name(std::uint64_t id, std::string_view name) {
  std::string text = "fiber " + std::to_string(id);
  if (!name.empty()) text.append(" ").append(name);
  return text;
}

std::string_view operation_name(std::uint8_t code) noexcept {
  constexpr std::string_view names[] = {"read",  "write",    "readv",  "writev",        "recv",
                                        "recv",  "send",     "accept", "accept",        "connect",
                                        "close", "shutdown", "poll",   "send_zero_copy"};
  static_assert(std::size(names) == static_cast<std::size_t>(operation_code::send_zero_copy) + 1);
  return names[code];
}

// What one thread did: slices for what ran, instants between, I/O from its start to its end.
class track_writer {
 public:
  track_writer(event_list& out, const recording& of, std::size_t track) : out_{out}, of_{of}, track_{track} {}

  void write() {
    for (const record& r : of_.tracks[track_].records) take(r);
    end_slice(of_.taken, "still runs");
  }

 private:
  void take(const record& r) {
    switch (r.kind) {
      case record_kind::run: running_ = &r; return;
      case record_kind::park:
        return end_slice(r.time, "waits for " + std::string{weft::detail::what_is_awaited(
                                                    static_cast<weft::detail::park_reason>(r.detail))});
      case record_kind::yield: return end_slice(r.time, "is ready");
      case record_kind::preempt: return end_slice(r.time, "was preempted");
      case record_kind::end: return end_slice(r.time, "has ended");
      case record_kind::spawn: return take_spawn(r);
      case record_kind::wake:
        return instant(r, "wake", [&](json_writer& args) {
          args.key("fiber").value(r.subject).key("by").value(r.fiber);
        });
      case record_kind::steal:
        return instant(r, "steal", [&](json_writer& args) {
          args.key("fibers").value(r.number).key("from_worker").value(r.subject);
        });
      case record_kind::submit: submitted_[r.subject] = &r; return;
      case record_kind::complete: return take_completion(r);
      default: return;
    }
  }

  void end_slice(std::int64_t at, std::string_view then) {
    if (running_ == nullptr) return;
    const record& r = *std::exchange(running_, nullptr);
    out_.add("X", fiber_name(r.fiber, r.text()), track_, r.time, [&](json_writer& e) {
      e.key("cat").value("fiber").key("dur").literal(micros(std::max<std::int64_t>(at - r.time, 0)));
      e.key("args").begin_object().key("fiber").value(r.fiber).key("begins").value(r.detail != 0);
      e.key("then").value(then).end_object();
    });
  }

  template <class F>
  void instant(const record& r, std::string_view name, F&& arguments) {
    out_.add("i", name, track_, r.time, [&](json_writer& e) {
      e.key("s").value("t").key("cat").value("runtime").key("args").begin_object();
      arguments(e);
      e.end_object();
    });
  }

  void take_spawn(const record& r) {
    instant(r, "spawn", [&](json_writer& args) {
      args.key("fiber").value(fiber_name(r.subject, r.text().substr(0, r.key_length)));
      args.key("by").value(r.fiber);
      args.key("site").value(std::string{r.text(r.key_length)} + ':' + std::to_string(r.number));
    });
  }

  // One that goes on, and one whose start was overwritten, are instants.
  void take_completion(const record& r) {
    const std::string_view name = operation_name(r.detail);
    const auto result = static_cast<std::int32_t>(r.number);
    const auto started = submitted_.find(r.subject);
    if (started == submitted_.end() || r.key_length != 0)
      return instant(r, name, [&](json_writer& args) { args.key("result").value(result); });
    const record& from = *started->second;
    submitted_.erase(started);
    const detail::hexadecimal<1> id{{r.subject}};
    const auto edge = [&](const char* phase, std::int64_t at) {
      out_.add(phase, name, track_, at, [&](json_writer& e) {
        e.key("cat").value("io").key("id").value(id.text()).key("args").begin_object();
        e.key("fd").value(static_cast<std::int32_t>(from.number)).key("fiber").value(from.fiber);
        if (*phase == 'e') e.key("result").value(result);
        e.end_object();
      });
    };
    edge("b", from.time);
    edge("e", r.time);
  }

  event_list& out_;
  const recording& of_;
  const std::size_t track_;
  const record* running_ = nullptr;
  std::unordered_map<std::uint64_t, const record*> submitted_;  // by the operation's address
};

struct attribute_members {
  json_writer& out;

  void text(std::string_view value) const { out.value(value); }
  void integer(std::int64_t value) const { out.value(value); }
  void real(double value) const { out.value(value); }
  void boolean(bool value) const { out.value(value); }
};

// The spans of one fiber, or of one foreign thread, which are within each other.
class span_writer {
 public:
  span_writer(event_list& out, const recording& of) : out_{out}, of_{of} {}

  void write(const std::vector<const recorded_span*>& spans) {
    std::vector<const recorded_span*> open;
    const auto close_until = [&](std::int64_t time) {
      while (!open.empty() && open.back()->end <= time) {
        edge("e", *open.back(), open.back()->end);
        open.pop_back();
      }
    };
    for (const recorded_span* const s : spans) {
      close_until(s->identity.start);
      begin(*s);
      open.push_back(s);
    }
    while (!open.empty()) close_until(open.back()->end);
  }

 private:
  template <class F>
  void add(const char* phase, std::string_view name, const recorded_span& s, std::int64_t at, F&& more) {
    const std::string id = s.fiber != 0 ? "fiber " + std::to_string(s.fiber)
                                        : "thread " + std::to_string(of_.tracks[s.track].thread);
    out_.add(phase, name, s.track, at, [&](json_writer& e) {
      e.key("cat").value("span").key("id").value(id);
      more(e);
    });
  }

  void begin(const recorded_span& s) {
    add("b", s.name, s, s.identity.start, [&](json_writer& e) {
      e.key("args").begin_object();
      e.key("trace").value(detail::hexadecimal<2>{{s.identity.trace_high, s.identity.trace_low}}.text());
      e.key("span").value(detail::hexadecimal<1>{{s.id}}.text());
      if (s.identity.parent != 0) e.key("parent").value(detail::hexadecimal<1>{{s.identity.parent}}.text());
      for (const record* const a : s.attributes) {
        e.key(detail::key_of(*a));
        detail::visit_value(*a, attribute_members{e});
      }
      if (s.failed) e.key("failed").value(s.status);
      if (!s.ended) e.key("unfinished").value(true);
      e.end_object();
    });
    for (const record* const happened : s.events)
      add("n", happened->text(), s, happened->time, [](json_writer&) {});
  }

  void edge(const char* phase, const recorded_span& s, std::int64_t at) {
    add(phase, s.name, s, at, [](json_writer&) {});
  }

  event_list& out_;
  const recording& of_;
};

}  // namespace

std::string to_chrome(const recording& from) {
  const std::vector<recorded_span> spans = detail::spans_of(from);
  event_list out{from, spans};
  for (std::size_t track = 0; track < from.tracks.size(); ++track) track_writer{out, from, track}.write();
  std::vector<const recorded_span*> of_one;
  std::vector<std::pair<std::pair<std::size_t, std::uint64_t>, const recorded_span*>> by_fiber;
  by_fiber.reserve(spans.size());
  for (const recorded_span& s : spans) by_fiber.push_back({{s.track, s.fiber}, &s});
  std::ranges::sort(by_fiber);  // those of one fiber as they stand in `spans`
  span_writer writer{out, from};
  for (std::size_t i = 0; i < by_fiber.size(); ++i) {
    of_one.push_back(by_fiber[i].second);
    if (i + 1 < by_fiber.size() && by_fiber[i + 1].first == by_fiber[i].first) continue;
    writer.write(of_one);
    of_one.clear();
  }
  return out.text();
}

}  // namespace weft::trace

// How a list of fibers is written: for people, and as JSON.
#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <span>
#include <tuple>
#include <vector>

#include <weft/runtime/base/json_writer.hpp>
#include <weft/runtime/inspect/fibers.hpp>
#include <weft/runtime/inspect/symbols.hpp>
#include <weft/runtime/thread_stack.hpp>

namespace weft {
namespace {

constexpr std::size_t shown_max = 10;  // fibers of a group, in the text

constexpr std::array<std::string_view, 4> priorities{"background", "normal", "high", "critical"};

std::string_view name_of(priority p) { return priorities[static_cast<std::size_t>(p)]; }

std::string number(std::uint64_t value, int base = 10) {
  char digits[20];
  return {digits, std::to_chars(digits, digits + sizeof digits, value, base).ptr};
}

std::string number(fiber_id id) { return number(static_cast<std::uint64_t>(id)); }

std::string address(std::uintptr_t value) { return "0x" + number(value, 16); }

std::string address(const void* value) { return address(reinterpret_cast<std::uintptr_t>(value)); }

// The code that a frame stands for: where the fiber goes on, or the call that a return address lies behind.
std::uintptr_t code_of(const std::vector<std::uintptr_t>& frames, std::size_t i) {
  return i == 0 ? frames[i] : frames[i] - 1;
}

// What every fiber has below its own frames, of weft, and tells nobody anything.
bool is_root(const code_place& place) {
  constexpr std::array<std::string_view, 4> roots{"weft_context_start", "weft::detail::worker::fiber_main()",
                                                  "make_fcontext", "trampoline"};
  return std::ranges::find(roots, place.function) != roots.end();
}

// --- text

struct group {
  std::vector<const fiber_info*> fibers;
};

// Fibers that are in the same place for the same reason.
std::vector<group> grouped(const fiber_list& all) {
  using key = std::tuple<fiber_phase, std::string_view, std::span<const std::uintptr_t>>;
  const auto less = [](const key& a, const key& b) {
    const auto& [phase_a, why_a, frames_a] = a;
    const auto& [phase_b, why_b, frames_b] = b;
    if (phase_a != phase_b) return phase_a > phase_b;
    if (why_a != why_b) return why_a < why_b;
    return std::ranges::lexicographical_compare(frames_a, frames_b);
  };
  std::map<key, group, decltype(less)> groups{less};
  for (const fiber_info& f : all.fibers) groups[{f.phase, f.waits_for, f.backtrace}].fibers.push_back(&f);
  std::vector<group> out;
  out.reserve(groups.size());
  for (auto& [of, g] : groups) out.push_back(std::move(g));
  std::ranges::sort(out, [](const group& a, const group& b) {
    if (a.fibers.size() != b.fibers.size()) return a.fibers.size() > b.fibers.size();
    return a.fibers.front()->id < b.fibers.front()->id;
  });
  return out;
}

std::string milliseconds(std::chrono::nanoseconds t) {
  return number(static_cast<std::uint64_t>(t / std::chrono::milliseconds{1})) + " ms";
}

// A terminal may read it: what would move its cursor becomes a question mark.
std::string title_of(const fiber_info& f) {
  std::string out = "fiber " + number(f.id);
  if (f.name.empty()) return out;
  std::string name = f.name;
  std::ranges::replace_if(name, [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; }, '?');
  return out.append(" \"").append(name).append("\"");
}

class text_of {
 public:
  explicit text_of(const fiber_list& all) : all_{all}, several_{several_runtimes()} {
    head();
    for (const worker_info& w : all_.workers) add(w);
    for (const group& g : grouped(all_)) add(g);
  }

  std::string take() { return std::move(out_); }

 private:
  bool several_runtimes() const {
    return !all_.workers.empty() && all_.workers.front().runtime != all_.workers.back().runtime;
  }

  void head() {
    std::array<std::size_t, 4> count{};
    for (const fiber_info& f : all_.fibers) ++count[static_cast<std::size_t>(f.phase)];
    out_ += "weft: " + number(all_.fibers.size()) + " fibers on " + number(all_.workers.size()) + " workers";
    const char* separator = ": ";
    for (const fiber_phase phase :
         {fiber_phase::parked, fiber_phase::ready, fiber_phase::running, fiber_phase::unstarted}) {
      const std::size_t n = count[static_cast<std::size_t>(phase)];
      if (n == 0) continue;
      out_.append(separator).append(number(n)).append(" ").append(name(phase));
      separator = ", ";
    }
    out_ += '\n';
  }

  std::string place(std::uint32_t runtime, unsigned worker) const {
    return "worker " + number(worker) + (several_ ? " of runtime " + number(runtime) : "");
  }

  void add(const worker_info& w) {
    out_.append(place(w.runtime, w.index)).append(": ").append(number(w.fibers)).append(" fibers");
    if (!w.answered) {
      out_ += "; it did not answer";
      const auto hog = std::ranges::find(all_.fibers, w.running, &fiber_info::id);
      if (w.running != fiber_id{} && hog != all_.fibers.end())
        out_.append(": ")
            .append(title_of(*hog))
            .append(" (spawned at ")
            .append(spawned(*hog))
            .append(") keeps it");
    }
    out_ += '\n';
  }

  static std::string spawned(const fiber_info& f) {
    return std::string{f.site.file_name()} + ":" + number(f.site.line()) + " in " + f.site.function_name();
  }

  void add(const group& g) {
    const fiber_info& first = *g.fibers.front();
    out_ += '\n';
    if (g.fibers.size() > 1) out_.append(number(g.fibers.size())).append(" fibers, ");
    else out_ += "1 fiber, ";
    out_ += name(first.phase);
    if (!first.waits_for.empty()) out_.append(": waits for ").append(first.waits_for);
    out_ += '\n';
    for (std::size_t i = 0; i < std::min(g.fibers.size(), shown_max); ++i) add(*g.fibers[i]);
    if (g.fibers.size() > shown_max)
      out_.append("  and ").append(number(g.fibers.size() - shown_max)).append(" more\n");
    for (std::size_t i = 0; i < first.backtrace.size(); ++i) {
      const code_place& place = symbols_.find(code_of(first.backtrace, i));
      if (!is_root(place)) out_.append(i == 0 ? "    at " : "    by ").append(place.text()).append("\n");
    }
  }

  void add(const fiber_info& f) {
    out_.append("  ").append(title_of(f)).append(" (spawned at ").append(spawned(f)).append(")");
    if (f.worker) out_.append(", ").append(place(f.runtime, *f.worker));
    if (f.waits_at != nullptr) out_.append(", at ").append(address(f.waits_at));
    if (f.awaits != fiber_id{}) out_.append(", of fiber ").append(number(f.awaits));
    if (f.priority != priority::normal) out_.append(", priority ").append(name_of(f.priority));
    out_.append(", stack ").append(detail::name(f.stack));
    if (f.stack_resident != 0)
      out_.append(" with ").append(number(f.stack_resident / 1024)).append(" KiB used");
    if (f.age.count() > 0)
      out_.append(", ran ").append(milliseconds(f.run_time)).append(" of ").append(milliseconds(f.age));
    if (f.stop_requested) out_ += ", asked to stop";
    out_ += '\n';
  }

  const fiber_list& all_;
  const bool several_;
  symbolizer symbols_;
  std::string out_;
};

// --- JSON

class json_of {
 public:
  explicit json_of(const fiber_list& all) {
    json_.begin_object().key("workers").begin_array();
    for (const worker_info& w : all.workers) add(w);
    json_.end_array().key("fibers").begin_array();
    for (const fiber_info& f : all.fibers) add(f);
    json_.end_array().key("stacks").begin_array();
    for (const auto& frames : stacks_) add(frames);
    json_.end_array().end_object();
    out_ += '\n';
  }

  std::string take() { return std::move(out_); }

 private:
  void field(std::string_view name, const auto& value) { json_.key(name).value(value); }
  void field(std::string_view name, fiber_id value) { field(name, static_cast<std::uint64_t>(value)); }

  void add(const worker_info& w) {
    json_.begin_object();
    field("runtime", w.runtime);
    field("worker", w.index);
    field("answered", w.answered);
    field("running", w.running);
    field("fibers", w.fibers);
    json_.end_object();
  }

  void add(const fiber_info& f) {
    json_.begin_object();
    field("id", f.id);
    field("name", std::string_view{f.name});
    field("file", f.site.file_name());
    field("line", f.site.line());
    field("function", f.site.function_name());
    field("phase", weft::name(f.phase));
    if (!f.waits_for.empty()) field("waits_for", f.waits_for);
    if (f.waits_at != nullptr) field("waits_at", std::string_view{address(f.waits_at)});
    if (f.awaits != fiber_id{}) field("awaits", f.awaits);
    field("runtime", f.runtime);
    if (f.worker) field("worker", *f.worker);
    field("priority", name_of(f.priority));
    field("stack_class", std::string_view{detail::name(f.stack)});
    if (f.stack_resident != 0) field("stack_resident", f.stack_resident);
    if (f.age.count() > 0) {
      field("run_ns", f.run_time.count());
      field("age_ns", f.age.count());
    }
    field("stop_requested", f.stop_requested);
    if (!f.backtrace.empty()) field("stack", index_of(f.backtrace));
    json_.end_object();
  }

  std::size_t index_of(const std::vector<std::uintptr_t>& frames) {
    const auto [at, fresh] = indices_.try_emplace(frames, stacks_.size());
    if (fresh) stacks_.emplace_back(frames);
    return at->second;
  }

  void add(const std::vector<std::uintptr_t>& frames) {
    json_.begin_array();
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const code_place& place = symbols_.find(code_of(frames, i));
      json_.begin_object();
      field("address", std::string_view{address(frames[i])});
      field("function", std::string_view{place.function});
      field("module", std::string_view{place.module});
      field("offset", std::string_view{address(place.offset)});
      json_.end_object();
    }
    json_.end_array();
  }

  std::map<std::vector<std::uintptr_t>, std::size_t> indices_;
  std::vector<std::vector<std::uintptr_t>> stacks_;
  symbolizer symbols_;
  std::string out_;
  detail::json_writer json_{out_};
};

}  // namespace

std::string fibers_text(const fiber_list& all) {
  return on_thread_stack([&] { return text_of{all}.take(); });
}

std::string fibers_json(const fiber_list& all) {
  return on_thread_stack([&] { return json_of{all}.take(); });
}

}  // namespace weft

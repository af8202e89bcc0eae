#include <weft/runtime/trace/span_list.hpp>

#include <algorithm>
#include <unordered_map>

namespace weft::trace::detail {
namespace {

void take_edge(recorded_span& s, const record& r) {
  s.identity = r.raw<span_identity>();
  s.name = r.text(sizeof(span_identity));
  s.kind = r.detail;
  s.fiber = r.fiber;
  if (r.kind == record_kind::span_begin) return;
  s.ended = true;
  s.end = r.time;
  s.failed = r.number != 0;
}

void take_attribute(recorded_span& s, const record& r) {
  const auto same =
      std::ranges::find_if(s.attributes, [&](const record* other) { return key_of(*other) == key_of(r); });
  if (same == s.attributes.end()) s.attributes.push_back(&r);
  else *same = &r;
}

void take(recorded_span& s, const record& r) {
  switch (r.kind) {
    case record_kind::span_begin:
    case record_kind::span_end: return take_edge(s, r);
    case record_kind::span_event: return s.events.push_back(&r);
    case record_kind::attribute: return take_attribute(s, r);
    case record_kind::status:
      s.failed = true;
      s.status = r.text();
      return;
    default: return;
  }
}

}  // namespace

std::vector<recorded_span> spans_of(const recording& from) {
  std::vector<recorded_span> all;
  for (std::size_t track = 0; track < from.tracks.size(); ++track) {
    std::unordered_map<std::uint64_t, std::size_t> known;
    const std::size_t first = all.size();
    for (const record& r : from.tracks[track].records) {
      if (r.kind < record_kind::span_begin) continue;
      const auto [at, is_new] = known.try_emplace(r.subject, all.size());
      if (is_new) {
        recorded_span made;
        made.id = r.subject;
        made.end = from.taken;
        made.track = track;
        made.order = all.size();
        all.push_back(std::move(made));
      }
      take(all[at->second], r);
    }
    std::sort(all.begin() + static_cast<std::ptrdiff_t>(first), all.end(),
              [](const recorded_span& a, const recorded_span& b) {
                return a.identity.start != b.identity.start ? a.identity.start < b.identity.start
                                                            : a.order < b.order;
              });
  }
  std::erase_if(all, [](const recorded_span& s) { return s.identity.start == 0; });
  return all;
}

}  // namespace weft::trace::detail

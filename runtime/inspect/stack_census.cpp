#include <weft/runtime/inspect/stack_census.hpp>

#include <algorithm>
#include <map>
#include <tuple>

#include <weft/runtime/base/json_writer.hpp>
#include <weft/runtime/inspect/stack_sites.hpp>
#include <weft/runtime/thread_stack.hpp>

namespace weft {
namespace {

// A site in an inline function may have several descriptions, one per file that includes it.
std::vector<stack_use> counted() {
  const detail::stack_sites* const all = detail::stack_sites::existing();
  if (all == nullptr) return {};
  std::map<std::tuple<std::string, std::uint32_t, std::string, stack_class>, stack_use> merged;
  all->for_each([&](const detail::stack_sites::summary& s) {
    stack_use& use = merged[{s.site.file_name(), s.site.line(), s.site.function_name(), s.size}];
    use.file = s.site.file_name();
    use.line = s.site.line();
    use.function = s.site.function_name();
    use.stack = s.size;
    use.fibers += s.count;
    use.bytes_max = std::max(use.bytes_max, s.most);
    use.bytes_p99 = std::max(use.bytes_p99, s.p99);
  });
  std::vector<stack_use> out;
  out.reserve(merged.size());
  for (auto& [site, use] : merged) out.push_back(std::move(use));
  std::ranges::sort(out, [](const stack_use& a, const stack_use& b) {
    return std::tie(b.bytes_max, b.fibers, a.file, a.line) < std::tie(a.bytes_max, a.fibers, b.file, b.line);
  });
  return out;
}

std::string json() {
  std::string out = "{\"sites\":[";
  const char* separator = "\n";
  for (const stack_use& use : counted()) {
    out.append(separator).append("{\"file\":");
    detail::append_json_string(out, use.file);
    out.append(",\"line\":").append(std::to_string(use.line)).append(",\"function\":");
    detail::append_json_string(out, use.function);
    out.append(",\"stack_class\":\"").append(detail::name(use.stack)).append("\"");
    out.append(",\"usable\":").append(std::to_string(detail::usable(use.stack)));
    out.append(",\"fibers\":").append(std::to_string(use.fibers));
    out.append(",\"bytes_max\":").append(std::to_string(use.bytes_max));
    out.append(",\"bytes_p99\":").append(std::to_string(use.bytes_p99)).append("}");
    separator = ",\n";
  }
  const detail::stack_sites* const all = detail::stack_sites::existing();
  const std::uint64_t left_out = all == nullptr ? 0 : all->left_out();
  return out + "\n],\"fibers_left_out\":" + std::to_string(left_out) + "}\n";
}

}  // namespace

std::vector<stack_use> stack_census() { return on_thread_stack(counted); }

std::string stack_census_json() { return on_thread_stack(json); }

}  // namespace weft

#include "stack_advice.hpp"

#include <charconv>
#include <cstdio>
#include <fstream>
#include <string_view>

#include <weft/http/auth/json_reader.hpp>
#include <weft/runtime/base/json_writer.hpp>

namespace {

using weft::http::detail::json_member;

// A line of the file is the object of one site.
std::optional<stack_advice> read_site(std::string_view line) {
  const auto members = weft::http::detail::read_json_object(line);
  if (!members) return std::nullopt;
  stack_advice site;
  unsigned found = 0;
  for (const json_member& m : *members) {
    const auto number = weft::http::detail::read_json_number(m.value);
    const auto text = weft::http::detail::read_json_string(m.value);
    const auto take_text = [&](std::string_view name, std::string& out) {
      if (m.name == name && text) out = *text, ++found;
    };
    const auto take_number = [&](std::string_view name, auto& out) {
      if (m.name == name && number && *number >= 0 && *number < 1e15)
        out = static_cast<std::remove_reference_t<decltype(out)>>(*number), ++found;
    };
    take_text("file", site.file);
    take_text("function", site.function);
    take_text("stack_class", site.now);
    take_number("line", site.line);
    take_number("fibers", site.fibers);
    take_number("bytes_max", site.bytes_max);
    take_number("bytes_p99", site.bytes_p99);
  }
  constexpr unsigned wanted = 7;
  if (found != wanted) return std::nullopt;
  site.suits = suitable_class(site.bytes_max);
  return site;
}

// The last line: ],"fibers_left_out":N}
std::optional<std::uint64_t> read_left_out(std::string_view line) {
  constexpr std::string_view begin = "],\"fibers_left_out\":";
  if (!line.starts_with(begin) || !line.ends_with('}')) return std::nullopt;
  const char* const end = line.data() + line.size() - 1;
  std::uint64_t count = 0;
  const auto read = std::from_chars(line.data() + begin.size(), end, count);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return count;
}

std::size_t kibibytes(std::size_t bytes) { return (bytes + 1023) / 1024; }

}  // namespace

weft::stack_class suitable_class(std::size_t bytes_max) noexcept {
  using weft::stack_class;
  for (const stack_class c : {stack_class::kib16, stack_class::kib64, stack_class::kib256})
    if (2 * bytes_max <= weft::detail::usable(c)) return c;
  return stack_class::mib1;
}

std::optional<stack_report> read_stack_census(const char* path) {
  std::ifstream file{path};
  std::string line;
  if (!std::getline(file, line) || line != "{\"sites\":[") return std::nullopt;
  stack_report all;
  while (std::getline(file, line) && !line.starts_with(']')) {
    if (line.empty()) continue;
    if (line.ends_with(',')) line.pop_back();
    auto site = read_site(line);
    if (!site) return std::nullopt;
    all.sites.push_back(std::move(*site));
  }
  const auto left_out = read_left_out(line);
  if (!left_out) return std::nullopt;
  all.fibers_left_out = *left_out;
  return all;
}

void print_stacks_text(const stack_report& all) {
  std::size_t changes = 0;
  std::printf("       %-7s %-7s %10s %10s %10s  spawned at\n", "has", "suits", "fibers", "p99 KiB",
              "max KiB");
  for (const stack_advice& s : all.sites) {
    if (s.changes()) ++changes;
    std::printf("%-6s %-7s %-7s %10llu %10zu %10zu  %s:%u in %s\n", s.changes() ? "CHANGE" : "ok",
                s.now.c_str(), weft::detail::name(s.suits), static_cast<unsigned long long>(s.fibers),
                kibibytes(s.bytes_p99), kibibytes(s.bytes_max), s.file.c_str(), s.line, s.function.c_str());
  }
  std::printf("\n%zu of %zu spawn sites want another spawn_options::stack.\n", changes, all.sites.size());
  if (all.fibers_left_out != 0)
    std::printf(
        "%llu fibers of other sites are left out: there were more sites than the census has room for.\n",
        static_cast<unsigned long long>(all.fibers_left_out));
}

void print_stacks_json(const stack_report& all) {
  std::string out = "{\"sites\":[";
  const char* separator = "\n";
  for (const stack_advice& s : all.sites) {
    out.append(separator).append("{\"file\":");
    weft::detail::append_json_string(out, s.file);
    out.append(",\"line\":").append(std::to_string(s.line)).append(",\"function\":");
    weft::detail::append_json_string(out, s.function);
    out.append(",\"stack_class\":");
    weft::detail::append_json_string(out, s.now);
    out.append(",\"suits\":\"").append(weft::detail::name(s.suits));
    out.append("\",\"fibers\":").append(std::to_string(s.fibers));
    out.append(",\"bytes_max\":").append(std::to_string(s.bytes_max));
    out.append(",\"bytes_p99\":").append(std::to_string(s.bytes_p99)).append("}");
    separator = ",\n";
  }
  std::printf("%s\n],\"fibers_left_out\":%llu}\n", out.c_str(),
              static_cast<unsigned long long>(all.fibers_left_out));
}

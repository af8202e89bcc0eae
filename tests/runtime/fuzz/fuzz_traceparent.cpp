// What comes in traceparent and tracestate: what is taken is what the rules say, and goes out as it came in.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <weft/runtime/trace/traceparent.hpp>
#include <weft/runtime/trace/tracestate.hpp>

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_parent(std::string_view field) {
  const auto got = weft::trace::parse_traceparent(field);
  if (!got) return;
  check(got->trace && got->span != 0 && got->state == nullptr);
  check(field.size() >= 55 && !field.starts_with("ff"));
  check(field.substr(0, 55).find_first_not_of("0123456789abcdef-") == field.npos);
  check(field.size() == 55 || (field[55] == '-' && !field.starts_with("00")));
  const weft::trace::traceparent again{*got};
  check(again.text().substr(3, 50) == field.substr(3, 50));
  const auto second = weft::trace::parse_traceparent(again.text());
  check(second && second->trace == got->trace && second->span == got->span);
  check(second->sampled == got->sampled);
}

void check_state(std::string_view list) {
  if (!weft::trace::is_tracestate(list)) return;
  check(!list.empty() && list.size() <= 512);
  for (const char c : list) check(c == '\t' || (c >= 0x20 && c <= 0x7e));  // nothing that ends a field
  check(list.find('=') != list.npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  check_parent(text);
  check_state(text);
  return 0;
}

// What a client says about versions, parts and storing: ranges lie within the body and are no bomb,
// what is sorted stays sorted, and no field is read behind its end.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include <weft/http/cache/cache_key.hpp>
#include <weft/http/files/mime.hpp>
#include <weft/http/message/byte_range.hpp>
#include <weft/http/message/cache_control.hpp>
#include <weft/http/message/date.hpp>
#include <weft/http/message/date_parser.hpp>
#include <weft/http/message/entity_tag.hpp>
#include <weft/http/message/preconditions.hpp>

using namespace weft::http::detail;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_ranges(std::string_view field, std::uint64_t size) {
  const byte_ranges found = parse_ranges(field, size);
  check((found.answer == range_answer::partial) == (found.count != 0));
  std::uint64_t left = size;
  for (std::size_t i = 0; i < found.count; ++i) {
    check(found.all[i].length != 0 && found.all[i].length <= left);
    check(found.all[i].first < size && found.all[i].last() < size);
    left -= found.all[i].length;
  }
}

// What can be read can be written, and reads the same.
void check_date(std::string_view text) {
  const auto date = parse_date(text, 1'780'000'000);
  if (!date || *date < 0 || *date > 253402300799) return;
  char written[date_length];
  format_date(*date, written);
  check(parse_date({written, date_length}, 0) == date);
}

void check_storing(std::string_view text) {
  cache_control control;
  control.add(text);
  check(!control.max_age || control.max_age->count() >= 0);
  const std::string sorted = sorted_query(text);
  check(sorted.size() <= text.size() && sorted_query(sorted) == sorted);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  // In a block of just that size, for AddressSanitizer.
  const std::unique_ptr<char[]> copy{new char[size - 2]};
  std::copy(data + 2, data + size, copy.get());
  const std::string_view text{copy.get(), size - 2};
  const std::uint64_t length = data[0] == 255 ? UINT64_MAX : std::uint64_t{data[0]} << data[1] % 56;
  check_ranges(text, length);
  check_date(text);
  check_storing(text);
  check(!weft::http::mime_type(text).empty());
  const validators v{.etag = "\"a\"", .modified = 784111777, .now = 1'780'000'000};
  const conditions all{text, text, text, text, text};
  // A strong match is a weak one.
  if (holds_tag(text, v.etag, matches_strongly)) check(holds_tag(text, v.etag, matches_weakly));
  if (evaluate(all, v, true) == condition_answer::go_on)
    check(evaluate(all, v, false) == condition_answer::go_on);
  if (range_counts(all, v)) check(text == v.etag || parse_date(text, v.now) == v.modified);
  return 0;
}

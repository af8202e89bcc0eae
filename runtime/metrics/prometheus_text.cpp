#include <weft/runtime/metrics/prometheus_text.hpp>

#include <charconv>
#include <cmath>
#include <utility>

namespace weft::detail {
namespace {

// 1, 2 and 5 of each power of ten, as seconds.
struct limit {
  std::chrono::nanoseconds at;
  std::string_view text;
};
using namespace std::chrono_literals;
constexpr limit limits[] = {{1us, "0.000001"}, {2us, "0.000002"}, {5us, "0.000005"}, {10us, "0.00001"},
                            {20us, "0.00002"}, {50us, "0.00005"}, {100us, "0.0001"}, {200us, "0.0002"},
                            {500us, "0.0005"}, {1ms, "0.001"},    {2ms, "0.002"},    {5ms, "0.005"},
                            {10ms, "0.01"},    {20ms, "0.02"},    {50ms, "0.05"},    {100ms, "0.1"},
                            {200ms, "0.2"},    {500ms, "0.5"},    {1s, "1"},         {2s, "2"},
                            {5s, "5"},         {10s, "10"}};

template <class Number>
struct number_text {
  explicit number_text(Number n) noexcept
      : size{static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, n).ptr - digits)} {}
  operator std::string_view() const noexcept { return {digits, size}; }

  char digits[32];
  std::size_t size;
};

double seconds(std::chrono::nanoseconds t) noexcept { return std::chrono::duration<double>{t}.count(); }

// `quoted`: of a label; else of a HELP line, where quotes stand for themselves.
void append_escaped(std::string& out, std::string_view text, bool quoted) {
  for (const char c : text) {
    if (c == '\n') out += "\\n";
    else if (c == '\\' || (c == '"' && quoted)) (out += '\\') += c;
    else out += c;
  }
}

constexpr std::string_view name_of(prometheus_text::kind k) noexcept {
  switch (k) {
    case prometheus_text::kind::counter: return "counter";
    case prometheus_text::kind::gauge: return "gauge";
    case prometheus_text::kind::histogram: break;
  }
  return "histogram";
}

}  // namespace

void prometheus_text::family(std::string_view name, kind k, std::string_view help) {
  name_ = name;
  text_.append("# HELP ").append(name).append(" ");
  append_escaped(text_, help, /*quoted=*/false);
  text_.append("\n# TYPE ").append(name).append(" ").append(name_of(k)).append("\n");
}

void prometheus_text::line(std::string_view suffix, labels with, std::string_view value) {
  text_.append(name_).append(suffix);
  char before = '{';
  for (const label& l : with) {
    (text_ += before).append(l.name).append("=\"");
    append_escaped(text_, l.value, /*quoted=*/true);
    text_ += '"';
    before = ',';
  }
  if (with.size() != 0) text_ += '}';
  text_.append(" ").append(value).append("\n");
}

void prometheus_text::sample(labels with, std::uint64_t value) { line({}, with, number_text{value}); }
void prometheus_text::sample(labels with, double value) {
  if (std::isinf(value)) line({}, with, value > 0 ? "+Inf" : "-Inf");
  else line({}, with, number_text{value});
}

void prometheus_text::bucket(std::string_view limit, std::uint64_t so_many) {
  line("_bucket", {{"le", limit}}, number_text{so_many});
}

void prometheus_text::durations(std::string_view name_without_unit, std::string_view help,
                                const histogram& h) {
  const std::string base{name_without_unit};
  family(base + "_seconds", kind::histogram, help);
  for (const limit& l : limits) bucket(l.text, h.count_up_to(l.at));
  bucket("+Inf", h.count());
  line("_sum", {}, number_text{seconds(h.sum())});
  line("_count", {}, number_text{h.count()});
  single(base + "_max_seconds", kind::gauge, "The longest of " + base + "_seconds since the start.",
         seconds(h.max()));
}

void prometheus_text::sizes(std::string_view name, std::string_view help,
                            std::span<const std::uint64_t> counts, std::uint64_t sum) {
  family(name, kind::histogram, help);
  std::uint64_t up_to = 0;
  for (std::size_t i = 0; i + 1 < counts.size(); ++i)
    bucket(number_text{std::uint64_t{1} << i}, up_to += counts[i]);
  up_to += counts.back();
  bucket("+Inf", up_to);
  line("_sum", {}, number_text{sum});
  line("_count", {}, number_text{up_to});
}

}  // namespace weft::detail

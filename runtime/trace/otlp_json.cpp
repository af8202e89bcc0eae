#include <weft/runtime/trace/otlp_json.hpp>

#include <cmath>
#include <cstdint>

#include <weft/config.hpp>
#include <weft/runtime/base/json_writer.hpp>
#include <weft/runtime/trace/hexadecimal.hpp>
#include <weft/runtime/trace/span_list.hpp>

namespace weft::trace {
namespace {

using detail::hexadecimal;
using detail::record;
using detail::recorded_span;
using weft::detail::json_writer;

constexpr int status_error = 2;  // STATUS_CODE_ERROR

// An AnyValue.
struct any_value {
  json_writer& out;

  void text(std::string_view value) const { out.begin_object().key("stringValue").value(value).end_object(); }
  void integer(std::int64_t value) const {
    out.begin_object().key("intValue").value(std::to_string(value)).end_object();
  }
  void real(double value) const {
    out.begin_object().key("doubleValue");
    if (std::isfinite(value)) out.value(value);
    else out.value(std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");  // as protobuf's JSON
    out.end_object();
  }
  void boolean(bool value) const { out.begin_object().key("boolValue").value(value).end_object(); }
};

class request_writer {
 public:
  request_writer(std::string& to, const recording& of) : out_{to}, of_{of} {}

  void write(std::string_view service) {
    out_.begin_object().key("resourceSpans").begin_array().begin_object();
    out_.key("resource").begin_object().key("attributes").begin_array();
    out_.begin_object().key("key").value("service.name").key("value");
    any_value{out_}.text(service);
    out_.end_object().end_array().end_object();
    out_.key("scopeSpans").begin_array().begin_object().key("scope").begin_object();
    out_.key("name").value("weft").key("version").value(WEFT_VERSION).end_object();
    out_.key("spans").begin_array();
    for (const recorded_span& s : detail::spans_of(of_))
      if (s.ended) write(s);
    out_.end_array().end_object().end_array().end_object().end_array().end_object();
  }

 private:
  void write(const recorded_span& s) {
    out_.begin_object();
    out_.key("traceId").value(hexadecimal<2>{{s.identity.trace_high, s.identity.trace_low}}.text());
    out_.key("spanId").value(hexadecimal<1>{{s.id}}.text());
    if (s.identity.parent != 0) out_.key("parentSpanId").value(hexadecimal<1>{{s.identity.parent}}.text());
    out_.key("name").value(s.name);
    out_.key("kind").value(s.kind + 1);  // 0 is SPAN_KIND_UNSPECIFIED
    out_.key("startTimeUnixNano").value(unix_time(s.identity.start));
    out_.key("endTimeUnixNano").value(unix_time(s.end));
    out_.key("attributes").begin_array();
    for (const record* const a : s.attributes) {
      out_.begin_object().key("key").value(detail::key_of(*a)).key("value");
      detail::visit_value(*a, any_value{out_});
      out_.end_object();
    }
    out_.end_array().key("events").begin_array();
    for (const record* const e : s.events) {
      out_.begin_object().key("timeUnixNano").value(unix_time(e->time));
      out_.key("name").value(e->text()).end_object();
    }
    out_.end_array();
    if (s.failed) {
      out_.key("status").begin_object().key("code").value(status_error);
      out_.key("message").value(s.status).end_object();
    }
    out_.end_object();
  }

  std::string unix_time(std::int64_t steady) const { return std::to_string(steady + of_.unix_zero); }

  json_writer out_;
  const recording& of_;
};

}  // namespace

std::string to_otlp(const recording& from, std::string_view service) {
  std::string text;
  request_writer{text, from}.write(service);
  return text;
}

}  // namespace weft::trace

#include <weft/http/middleware/tracing.hpp>

#include <memory>
#include <utility>

#include <weft/http/message/status.hpp>
#include <weft/http/request.hpp>
#include <weft/http/response.hpp>
#include <weft/http/span_attributes.hpp>
#include <weft/runtime/trace/span.hpp>
#include <weft/runtime/trace/traceparent.hpp>
#include <weft/runtime/trace/tracer.hpp>
#include <weft/runtime/trace/tracestate.hpp>

namespace weft::http {
namespace {

// Several fields are one list. Source: RFC 9110, section 5.3.
std::shared_ptr<const std::string> state_of(const request& q) {
  std::string list;
  for (const std::string_view part : q.headers("tracestate")) {
    if (list.size() + part.size() > 512) return nullptr;  // longer than is passed on
    if (!list.empty()) list += ',';
    list += part;
  }
  if (!trace::is_tracestate(list)) return nullptr;
  return std::make_shared<const std::string>(std::move(list));
}

// Names no span if the request brings none.
trace::context parent_of(const request& q) {
  std::size_t count = 0;
  std::optional<trace::context> found;
  for (const std::string_view field : q.headers("traceparent"))
    if (++count == 1) found = trace::parse_traceparent(field);
  if (count != 1 || !found) return {};
  found->state = state_of(q);
  return *found;
}

}  // namespace

result<void> tracing::operator()(request& q, response& s, next n) const {
  if (trace::running()) [[unlikely]]
    return traced(q, s, n);
  return n();
}

result<void> tracing::traced(request& q, response& s, next n) const {
  trace::span work{options_.name ? options_.name(q) : std::string{detail::span_name(q.method())},
                   options_.trust ? parent_of(q) : trace::context{}, trace::span_kind::server};
  detail::describe_request(work, q.method(), q.authority(), q.path());
  // What is wrong once the body has begun shows in no status.
  const auto say = [&](status code, std::string_view why, std::string_view type) {
    if (s.body_begun()) code = s.status();
    detail::describe_status(work, static_cast<int>(code), 500, why);
    if (s.body_begun() && !type.empty()) detail::describe_failure(work, type);
  };
  try {
    const result<void> outcome = n();
    const std::string why = outcome ? std::string{} : outcome.error().message();
    say(outcome ? s.status() : status_of(outcome.error()), why, why);
    return outcome;
  } catch (...) {  // root: the exchange's, which reports it and answers 500
    say(status::internal_server_error, "the handler has thrown", "exception");
    throw;
  }
}

}  // namespace weft::http

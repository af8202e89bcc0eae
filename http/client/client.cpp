#include <weft/http/client/client.hpp>

#include <algorithm>
#include <optional>

#include <weft/http/client/call_head.hpp>
#include <weft/http/client/client_exchange.hpp>
#include <weft/http/client/redirect.hpp>
#include <weft/http/client/url.hpp>
#include <weft/http/message/ascii.hpp>
#include <weft/http/message/byte_buffer.hpp>
#include <weft/http/message/field_text.hpp>
#include <weft/http/message/method.hpp>
#include <weft/http/span_attributes.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/trace/span.hpp>
#include <weft/runtime/trace/traceparent.hpp>
#include <weft/runtime/trace/tracer.hpp>

namespace weft::http {

using detail::client_exchange;

namespace {

bool is_idempotent(method m) noexcept {
  return m != method::post && m != method::patch && m != method::connect && m != method::other;
}

bool says_close(const call& c) noexcept {
  return std::ranges::any_of(
      c.headers, [](const auto& field) { return detail::equals_ignoring_case(field.first, "connection"); });
}

const std::string& endpoint_for(const detail::url& to, const client_options& o) noexcept {
  if (!o.proxy.empty()) return o.proxy;
  return o.endpoint.empty() ? to.endpoint : o.endpoint;
}

}  // namespace

client::client(client_options options) : state_{std::make_shared<detail::client_state>(std::move(options))} {
  WEFT_ASSERT(detail::is_field_value(state_->options.user_agent), "a User-Agent that cannot be sent");
  WEFT_ASSERT(state_->options.expansion_max != 0);
  WEFT_ASSERT(state_->options.proxy.empty() || state_->options.endpoint.empty(), "a proxy and an endpoint");
  WEFT_ASSERT(detail::is_field_value(state_->options.proxy_authorization), "credentials that cannot be sent");
}
client::~client() = default;

result<reply> client::get(std::string_view url, deadline until) {
  return send({.url = std::string{url}}, until);
}

result<reply> client::send(const call& c, deadline until) { return send_fed(c, {}, until); }

result<reply> client::send_fed(const call& c, detail::body_feed feed, deadline until) {
  WEFT_ASSERT(!feed || c.body.empty(), "a call with two bodies");
  call redirected;
  const call* now = &c;
  for (unsigned followed = 0;; ++followed) {
    const detail::url to = WEFT_TRY(detail::url::parse(now->url));
    reply got = WEFT_TRY(ask(*now, to, feed, until));
    keep_cookies(to, got);
    const unsigned redirects_max = state_->options.redirects_max;
    const auto location = got.header("location");
    if (redirects_max == 0 || !detail::is_redirect(got.status()) || !location) return got;
    const bool bare = detail::drops_body(got.status(), now->method);
    if (feed && !bare) return got;
    if (followed == redirects_max) return std::unexpected(errc::limit);
    redirected = WEFT_TRY(detail::redirected(*now, to, got.status(), *location));
    now = &redirected;
    feed = {};
  }
}

// Keeps the cookies that the reply sets.
void client::keep_cookies(const detail::url& from, const reply& got) {
  if (!state_->options.cookies) return;
  const std::vector<std::string_view> fields = got.headers("set-cookie");
  for (const std::string_view field : fields) state_->options.cookies->set(from, field);
}

// One request, and its span if it is traced.
result<reply> client::ask(const call& c, const detail::url& to, detail::body_feed feed, deadline until) {
  if (!state_->options.trace || !trace::running()) [[likely]]
    return exchange(c, to, feed, until, {});
  trace::span work{detail::span_name(c.method), trace::span_kind::client};
  const std::string path = to.target.substr(0, to.target.find('?'));
  detail::describe_request(work, c.method, to.authority, path);
  work.set("url.full", "http://" + to.authority + path);
  result<reply> got = exchange(c, to, feed, until, work.context());
  if (got) detail::describe_status(work, static_cast<int>(got->status()), 400);
  else detail::describe_failure(work, got.error().message());
  return got;
}

// Sent again if the connection had been closed while it was idle.
result<reply> client::exchange(const call& c, const detail::url& to, detail::body_feed feed, deadline until,
                               const trace::context& from) {
  detail::byte_buffer head;
  const client_options& options = state_->options;
  const std::string cookies = options.cookies ? options.cookies->field_for(to) : std::string{};
  std::optional<trace::traceparent> parent;
  if (from) parent.emplace(from);
  const detail::call_manner how{
      .user_agent = options.user_agent,
      .through_proxy = !options.proxy.empty(),
      .proxy_authorization = options.proxy_authorization,
      .cookies = cookies,
      .decompress = options.decompress,
      .streamed = static_cast<bool>(feed),
      .traceparent = parent ? parent->text() : std::string_view{},
      .tracestate = from.state ? std::string_view{*from.state} : std::string_view{}};
  WEFT_TRY(detail::write_call_head(head, c, to, how));
  const method asked = detail::method_of(c.method);
  const std::string& at = endpoint_for(to, options);
  for (bool again = false;; again = true) {
    auto one = std::make_unique<client_exchange>(state_, WEFT_TRY(state_->connections.acquire(at, until)));
    if (says_close(c)) one->end_after_response();
    const result<void> answered = one->run(head.text(), c.body, feed, asked, until);
    if (answered) return reply{std::move(one), to.text()};
    if (again || feed || !is_idempotent(asked) || !one->found_stale(answered.error()))
      return std::unexpected(answered.error());
  }
}

void client::close() noexcept { state_->connections.close(); }

pool_stats client::stats() noexcept { return state_->connections.stats(); }

}  // namespace weft::http

#include "source.hpp"

#include <chrono>
#include <utility>

using namespace std::chrono_literals;

debug_source::debug_source(std::string at, std::string prefix)
    : at_{std::move(at)}, prefix_{std::move(prefix)}, client_{{.endpoint = at_}} {}

std::expected<std::string, std::string> debug_source::page(std::string_view name) {
  const std::string url = "http://localhost" + prefix_ + "/" + std::string{name};
  auto reply = client_.get(url, 10s);
  if (!reply) return std::unexpected("no process answers at " + at_ + ": " + reply.error().message());
  constexpr std::size_t body_max = std::size_t{1} << 30;  // a million fibers take 300 MB
  const auto body = reply->body(body_max, 30s);
  if (!body) return std::unexpected(at_ + " stopped in the middle: " + body.error().message());
  const int status = static_cast<int>(reply->status());
  if (status == 404)
    return std::unexpected(at_ + " has no debug pages at " + prefix_ +
                           ": the program must call http::debug_pages() (weft-httpd: --debug-pages)");
  if (status != 200)
    return std::unexpected(at_ + " answers " + std::to_string(status) + ": " + std::string{*body});
  return std::string{*body};
}

std::expected<observation, std::string> debug_source::look() {
  auto text = page("metrics");
  if (!text) return std::unexpected(std::move(text.error()));
  const auto at = std::chrono::steady_clock::now();
  auto metrics = exposition::parse(*text);
  if (!metrics) return std::unexpected(at_ + " answers what are no metrics: another program?");
  auto fibers = page("fibers?format=json");
  if (!fibers) return std::unexpected(std::move(fibers.error()));
  return observation{std::move(*metrics), std::move(*fibers), at};
}

// A request, as its handler sees it. Every view lives until the handler returns, suspensions included.
#pragma once

#include <charconv>
#include <cstddef>
#include <memory_resource>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include <weft/http/byte_buffer.hpp>
#include <weft/http/request_body.hpp>
#include <weft/http/request_head.hpp>
#include <weft/http/route_table.hpp>
#include <weft/http/status.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http {

namespace detail {
class exchange;
}

class request {
 public:
  request(const request&) = delete;
  request& operator=(const request&) = delete;

  /// "GET". Case matters.
  std::string_view method() const noexcept { return head_.method_text(); }
  /// The request-target as it was sent.
  std::string_view target() const noexcept { return head_.target_text(); }
  /// The path, percent-decoded, but for encoded slashes, which read %2F.
  std::string_view path() const noexcept { return path_; }
  /// What stands behind the `?`, as it was sent.
  std::string_view raw_query() const noexcept { return head_.raw_query(); }

  /// What {name} of the route's pattern stands for, percent-decoded. A name that is not in the pattern is an
  /// assertion.
  std::string_view param(std::string_view name) const;

  /// The same as a number.
  ///
  /// Errors     status::bad_request: it is not a T, all of it.
  template <class T>
    requires std::is_arithmetic_v<T>
  [[nodiscard]] result<T> param(std::string_view name) const {
    const std::string_view text = param(name);
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::unexpected(status::bad_request);
    return value;
  }

  /// The first value of that name in the query, with %XX and + decoded; none if there is none or it cannot be
  /// decoded.
  std::optional<std::string_view> query(std::string_view name) const;
  /// The first field of that name, which is compared without regard to case.
  std::optional<std::string_view> header(std::string_view name) const noexcept { return head_.find(name); }
  /// The first cookie of that name.
  std::optional<std::string_view> cookie(std::string_view name) const noexcept;

  /// The whole body.
  ///
  /// Blocks     the calling fiber, until it has come.
  /// Errors     the status that answers them: bad_request (broken framing, or a peer that ends before the
  ///            body does), content_too_large, request_timeout; else deadline_exceeded, canceled, what the
  ///            connection says.
  [[nodiscard]] result<std::string_view> body(deadline until = {}) { return body_.all(until); }

  /// The next bytes of the body; 0 at its end. Blocks and errors as body().
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> into, deadline until = {}) {
    return body_.read(into, until);
  }

 private:
  friend class detail::exchange;

  request(detail::input_buffer& input, detail::body_source& source,
          std::pmr::memory_resource& memory) noexcept
      : body_{input, source, memory}, path_copy_{memory}, decoded_{decoded_first, &memory} {}

  static constexpr std::size_t decoded_first = 960;  // of decoded_, which adds its own to make 1 KiB of it

  std::string_view decoded(std::string_view text, bool plus_is_space) const;

  detail::request_head head_;
  std::string_view path_;
  detail::path_parameters parameters_;
  detail::request_body body_;
  mutable detail::byte_buffer path_copy_;                // the decoded path, if it differs
  mutable std::pmr::monotonic_buffer_resource decoded_;  // decoded parameters: views of them must not move
};

}  // namespace weft::http

// A response, as a client has it: the head at once, the body as it is read.
//
// It holds a connection until its body has been read to the end; then the next request to that server can
// have it. A reply that goes before closes the connection, unless the rest has come already. It may outlive
// the client.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/http/message/status.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http {

namespace detail {
class client_exchange;
}

/// Moves only. Of one moved from nothing can be asked. One fiber at a time.
class reply {
 public:
  reply(reply&&) noexcept;
  reply& operator=(reply&&) noexcept;
  ~reply();

  /// Any of 100 to 999: servers make up more than there are.
  http::status status() const noexcept;

  /// The first field of that name, which is compared without regard to case. The view holds as long as the
  /// reply, or what it was moved to.
  std::optional<std::string_view> header(std::string_view name) const noexcept;
  /// All fields of that name, in the order in which they came.
  std::vector<std::string_view> headers(std::string_view name) const;

  /// Where it came from: the URL of the call without its fragment, or where redirects led.
  const std::string& url() const noexcept { return url_; }

  /// All that has not been read yet of the body.
  ///
  /// Blocks     the calling fiber, until it has come.
  /// Errors     limit: it is longer than `max` bytes; else as read(). What had come by then is lost.
  [[nodiscard]] result<std::string> body(std::size_t max = std::size_t{16} << 20, deadline until = {});

  /// The next bytes of the body; 0 at its end, or if `into` is empty.
  ///
  /// Blocks     the calling fiber, while nothing is there.
  /// Errors     end_of_stream: the server ended before the body did; protocol; deadline_exceeded, also after
  ///            client_options::read; canceled; what else the connection says.
  /// Cancelled  nothing has been taken.
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> into, deadline until = {});

 private:
  friend class client;
  reply(std::unique_ptr<detail::client_exchange> from, std::string url) noexcept;

  std::unique_ptr<detail::client_exchange> from_;
  std::string url_;
};

}  // namespace weft::http

// Chooses the backend. See poller.hpp.
#include <cstdlib>
#include <string_view>

#include <weft/io/epoll_poller.hpp>
#include <weft/io/probe.hpp>
#include <weft/io/uring_poller.hpp>
#include <weft/runtime/poller.hpp>

namespace weft::detail {
namespace {

// WEFT_BACKEND decides over the program's choice, so that a user can get around a kernel's bug without the
// source.
result<backend> wanted_backend(backend otherwise) noexcept {
  const char* const text = std::getenv("WEFT_BACKEND");
  const std::string_view name = text != nullptr ? text : "";
  if (name.empty()) return otherwise;
  if (name == "uring") return backend::uring;
  if (name == "epoll") return backend::epoll;
  if (name == "auto") return backend::automatic;
  return std::unexpected(make_error_code(errc::unsupported));
}

}  // namespace

result<std::unique_ptr<poller>> make_poller(const poller_options& options) {
  const backend wanted = WEFT_TRY(wanted_backend(options.backend));
  if (wanted == backend::epoll || (wanted == backend::automatic && !ring_is_safe()))
    return epoll_poller::open(options);
  auto made = uring_poller::open(options);
  // Why the ring was refused can be asked again at any time: probe_io().
  if (made || wanted == backend::uring) return made;
  return epoll_poller::open(options);
}

}  // namespace weft::detail

#include <weft/net/socket_activation.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

#include <weft/io/sigpipe_block.hpp>
#include <weft/net/activation_variables.hpp>
#include <weft/runtime/base/system_failure.hpp>

namespace weft::net {
namespace {

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "weft.socket_activation"; }

  std::string message(int value) const override {
    switch (static_cast<activation_error>(value)) {
      case activation_error::bad_count: return "LISTEN_FDS is not a number of sockets";
      case activation_error::bad_pid: return "LISTEN_PID is not the number of a process";
      case activation_error::bad_names:
        return "LISTEN_FDNAMES does not name as many sockets as LISTEN_FDS says";
      case activation_error::not_open: return "LISTEN_FDS counts a descriptor that is not open";
      case activation_error::not_listening:
        return "LISTEN_FDS counts a descriptor that is not a listening stream socket";
    }
    return "unknown error of socket activation";
  }

  std::error_condition default_error_condition(int) const noexcept override {
    return std::errc::invalid_argument;
  }
};

// From 0 up, in its one way of writing but for leading zeros.
std::optional<int> number(std::string_view text) noexcept {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::optional<std::string> taken(const char* variable) {
  const char* const value = std::getenv(variable);
  if (value == nullptr) return std::nullopt;
  std::string copy{value};
  ::unsetenv(variable);
  return copy;
}

bool option_is(int fd, int option, int wanted, int or_else) noexcept {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && (value == wanted || value == or_else);
}

bool listens(int fd) noexcept {
  const bool of_ip = option_is(fd, SO_DOMAIN, AF_INET, AF_INET6);
  return option_is(fd, SO_ACCEPTCONN, 1, 1) && option_is(fd, SO_TYPE, SOCK_STREAM, SOCK_STREAM) &&
         (of_ip || option_is(fd, SO_DOMAIN, AF_UNIX, AF_UNIX));
}

bool keep_from_children(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFD);
  return flags >= 0 && ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC) == 0;
}

// `names`: one for each, with a colon between two.
result<std::vector<activated_socket>> sockets_of(int count, const std::optional<std::string>& names) {
  // All are looked at before one is owned: what fails leaves them open.
  for (int fd = detail::first_passed; fd - detail::first_passed < count; ++fd) {
    if (!keep_from_children(fd)) return std::unexpected(activation_error::not_open);
    if (!listens(fd)) return std::unexpected(activation_error::not_listening);
  }
  std::vector<activated_socket> all(static_cast<std::size_t>(count));
  if (names && !all.empty()) {
    std::string_view rest = *names;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::size_t colon = rest.find(':');
      if ((colon == rest.npos) != (i + 1 == all.size())) return std::unexpected(activation_error::bad_names);
      all[i].name = rest.substr(0, colon);
      rest.remove_prefix(colon == rest.npos ? rest.size() : colon + 1);
    }
  }
  int fd = detail::first_passed;
  for (activated_socket& one : all) one.socket.reset(fd++);
  return all;
}

}  // namespace

const std::error_category& activation_category() noexcept {
  static const category instance;
  return instance;
}

std::error_code make_error_code(activation_error error) noexcept {
  return {static_cast<int>(error), activation_category()};
}

result<activation> activated_sockets() {
  const auto fds = taken(detail::listen_fds), pid = taken(detail::listen_pid),
             names = taken(detail::listen_names), ready = taken(detail::ready_fd);
  activation given;
  if (!fds || !pid) return given;
  const std::optional<int> meant = number(*pid), count = number(*fds);
  if (!meant || *meant == 0) return std::unexpected(activation_error::bad_pid);
  if (*meant != ::getpid()) return given;
  if (!count) return std::unexpected(activation_error::bad_count);
  given.sockets = WEFT_TRY(sockets_of(*count, names));
  const std::optional<int> waits = number(ready.value_or(""));
  if (waits && keep_from_children(*waits)) given.ready.reset(*waits);
  return given;
}

result<void> activation::report_ready() noexcept {
  if (!is_successor()) return {};
  const io::owned_descriptor pipe = std::exchange(ready, io::owned_descriptor{});
  const detail::sigpipe_block no_signal;
  if (::write(pipe.get(), "\n", 1) != 1) return detail::system_failure();
  return {};
}

}  // namespace weft::net

#include <weft/net/resolve.hpp>

#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include <weft/net/gate.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/offload_pool.hpp>
#include <weft/runtime/scheduler.hpp>

namespace weft::detail {
namespace {

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "weft.resolve"; }
  std::string message(int value) const override { return ::gai_strerror(value); }
  std::error_condition default_error_condition(int value) const noexcept override {
    switch (value) {
      case EAI_AGAIN: return std::errc::resource_unavailable_try_again;
      case EAI_MEMORY: return std::errc::not_enough_memory;
      default: return {value, *this};
    }
  }
};

// One call. Two hold it, the thread that makes it and the fiber that waits; whoever lets go last deletes it.
struct call : offload_job {
  call(std::string_view host_, std::uint16_t port_) : host{host_}, port{port_} { run = run_on_thread; }

  static void run_on_thread(offload_job& self) noexcept {
    call& c = static_cast<call&>(self);
    c.resolve();
    c.done.open();
    c.release();
  }

  void resolve() noexcept {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    const int status = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (status != 0) {
      error = status == EAI_SYSTEM ? std::error_code{errno, std::system_category()}
                                   : std::error_code{status, resolve_category()};
      return;
    }
    for (const addrinfo* at = found; at != nullptr; at = at->ai_next)
      if (const auto a = net::address::from(at->ai_addr, at->ai_addrlen))
        addresses.push_back(a->with_port(port));
    ::freeaddrinfo(found);
    if (addresses.empty()) error = {EAI_NONAME, resolve_category()};
  }

  void release() noexcept {
    if (holders.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  const std::string host;
  const std::uint16_t port;
  std::vector<net::address> addresses;  // these two: the thread's, until `done`
  std::error_code error;
  atomic<int> holders{2};
  gate done;
};

struct releaser {
  void operator()(call* c) const noexcept { c->release(); }
};

}  // namespace

const std::error_category& resolve_category() noexcept {
  static const category instance;
  return instance;
}

bool is_host_name(std::string_view text) noexcept {
  constexpr std::size_t name_max = 253;  // RFC 1035: 255 in a message, two of them lengths
  constexpr std::string_view digits = "0123456789";
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
  if (text.empty() || text.size() > name_max || text.find_first_not_of(allowed) != text.npos) return false;
  if (text.ends_with('.')) text.remove_suffix(1);
  const std::string_view last = text.substr(text.find_last_of('.') + 1);
  const bool hexadecimal = last.starts_with("0x") || last.starts_with("0X");
  return !last.empty() && !hexadecimal && last.find_first_not_of(digits) != last.npos;
}

result<std::vector<net::address>> resolve(std::string_view host, std::uint16_t port, deadline until) {
  const std::unique_ptr<call, releaser> made{new call{host, port}};
  worker* const here = worker::current();
  if (here == nullptr) {
    call::run_on_thread(*made);
  } else {
    if (!here->owner().offload().submit(*made)) {
      made->release();
      return std::unexpected(errc::limit);
    }
    switch (made->done.wait(until, /*cancellable=*/true, park_reason::offload)) {
      case wake_reason::canceled: return std::unexpected(errc::canceled);
      case wake_reason::timed_out: return std::unexpected(errc::deadline_exceeded);
      default: break;
    }
  }
  if (made->error) return std::unexpected(made->error);
  return std::move(made->addresses);
}

}  // namespace weft::detail

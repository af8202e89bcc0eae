#include <weft/net/name_lookup.hpp>

#include <netdb.h>
#include <sys/socket.h>

#include <utility>

#include <weft/net/resolve.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/base/system_failure.hpp>
#include <weft/runtime/scheduler.hpp>

namespace weft::detail {

result<std::vector<net::address>> lookup_by_system(const std::string& host) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const int status = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (status == EAI_SYSTEM) return system_failure();
  if (status != 0) return std::unexpected(std::error_code{status, resolve_category()});
  std::vector<net::address> all;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next)
    if (const auto a = net::address::from(at->ai_addr, at->ai_addrlen)) all.push_back(*a);
  ::freeaddrinfo(found);
  if (all.empty()) return std::unexpected(std::error_code{EAI_NONAME, resolve_category()});
  return all;
}

void name_lookup::start(const std::shared_ptr<name_lookup>& of) {
  worker* const here = worker::current();
  if (here == nullptr) return of->end(of->how_(of->host_));
  of->run = run_on_thread;
  of->self_ = of;
  if (here->owner().offload().submit(*of)) return;
  of->self_.reset();
  of->end(std::unexpected(errc::limit));
}

void name_lookup::run_on_thread(offload_job& self) noexcept {
  name_lookup& l = static_cast<name_lookup&>(self);
  const std::shared_ptr<name_lookup> held = std::move(l.self_);
  l.end(l.how_(l.host_));
}

void name_lookup::end(result<std::vector<net::address>> with) noexcept {
  found_ = std::move(with);
  ended_at_ = steady_ns();
  done_.set();
}

}  // namespace weft::detail

// Looks a name up for many at once, and again: one question to the system in all.
//
//   resolver [HOST:PORT]
#include <weft/weft.hpp>

#include <cstdio>
#include <vector>

using namespace std::chrono_literals;
namespace net = weft::net;

weft::result<void> ask(std::string_view host_port) {
  net::resolver names{{.ttl = 1min}};
  weft::nursery askers;
  for (int i = 0; i < 10; ++i)
    askers.spawn([&]() -> weft::result<void> {
      WEFT_TRY(names.resolve(host_port, 5s));
      return {};
    });
  WEFT_TRY(askers.join());
  const std::vector<net::address> all = WEFT_TRY(names.resolve(host_port, 5s));
  std::printf("%.*s:", static_cast<int>(host_port.size()), host_port.data());
  for (const net::address& a : all) std::printf(" %s", a.string().c_str());
  const net::resolver_stats counts = names.stats();
  std::printf("\n%zu lookup, %zu answers from memory\n", static_cast<std::size_t>(counts.lookups),
              static_cast<std::size_t>(counts.hits));
  return {};
}

int main(int argc, char** argv) {
  const char* const host_port = argc > 1 ? argv[1] : "localhost:80";
  const auto asked = weft::run([=] { return ask(host_port); });
  return weft::exit_status(asked, host_port);
}

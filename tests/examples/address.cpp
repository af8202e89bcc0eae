// Reads socket addresses and prints them as the kernel will see them.
//
//   address 127.0.0.1:80 [2001:DB8:0::1]:443 [fe80::1%lo]:22 :8080
#include <weft/weft.hpp>

#include <cstdio>

namespace net = weft::net;

weft::result<void> describe(std::string_view text) {
  const net::address at = WEFT_TRY(net::address::parse(text));
  std::printf("%-40s port %u%s%s\n", at.string().c_str(), at.port(), at.is_loopback() ? ", loopback" : "",
              at.is_any() ? ", every address of this machine" : "");
  return {};
}

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (const auto done = describe(argv[i]); !done) return weft::exit_status(done, argv[i]);
}

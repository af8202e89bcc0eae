// What the tests of listeners share: an echo server, and its clients.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net_fixture.hpp"

namespace weft::testing {

class TcpListener : public NetTest {};

inline result<void> echo(net::tcp_stream s) {
  std::array<std::byte, 256> buffer;
  while (const std::size_t n = WEFT_TRY(s.read(buffer, 20s)))
    WEFT_TRY(s.write_all(std::span{buffer}.first(n)));
  return {};
}

// One question and its answer, over a connection of its own or one that is there.
inline result<void> ask(net::tcp_stream& s, std::string_view text) {
  WEFT_TRY(s.write_all(text, 10s));
  std::vector<std::byte> back(text.size());
  WEFT_TRY(s.read_exactly(back, 10s));
  EXPECT_EQ(text_of(back), text);
  return {};
}

inline result<net::tcp_stream> client_of(const std::string& at) { return net::tcp_stream::connect(at, 10s); }

// A serving listener on a fiber of its own; ends with the test.
template <class F>
struct server {
  explicit server(F f, net::listen_options options = {})
      : listener{*net::tcp_listener::bind("127.0.0.1:0", options)} {
    serving = spawn([this, f] { return listener.serve(f); });
  }
  result<void> stop() {
    listener.close();
    return serving.join();
  }
  std::string at = {};
  net::tcp_listener listener;
  task<result<void>> serving;
};

}  // namespace weft::testing

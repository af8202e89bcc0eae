// A connection through an HTTP proxy, for a protocol that is not HTTP. The proxy is one of its own, which
// says itself what the server behind it would.
//
//   tunnel
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;
using namespace std::string_view_literals;
namespace http = weft::http;
namespace net = weft::net;

weft::result<void> proxy(net::tcp_stream client) {
  net::line_reader lines{client};
  const auto request = WEFT_TRY(lines.read_line(5s));
  std::printf("the proxy is asked: %s\n", std::string{request.value_or("nothing")}.c_str());
  while (!WEFT_TRY(lines.read_line(5s)).value_or("").empty()) {}
  WEFT_TRY(client.write_all("HTTP/1.1 200 Connected\r\n\r\n220 at your service\r\n"sv, 5s));
  const auto farewell = WEFT_TRY(lines.read_line(5s));
  return client.write_all("221 " + std::string{farewell.value_or("")} + "\r\n", 5s);
}

weft::result<void> talk(std::string at) {
  auto stream = WEFT_TRY(http::connect_through(at, "mail.example.com:25", {}, 5s));
  net::line_reader lines{stream};
  std::printf("%s\n", std::string{WEFT_TRY(lines.read_line(5s)).value_or("")}.c_str());
  WEFT_TRY(stream.write_all("QUIT\r\n"sv, 5s));
  std::printf("%s\n", std::string{WEFT_TRY(lines.read_line(5s)).value_or("")}.c_str());
  return {};
}

weft::result<void> app() {
  auto listener = WEFT_TRY(net::tcp_listener::bind("127.0.0.1:0"));
  auto serving = weft::spawn([&] { return listener.serve(proxy); });
  const auto talked = talk(listener.local_address());
  listener.close();
  WEFT_TRY(serving.join());
  return talked;
}

int main() { return weft::exit_status(weft::run(app), "tunnel"); }

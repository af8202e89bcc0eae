// Weft's own error codes, each of which also equals its std::errc, beside those of the kernel.
//
//   errc
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;

std::string_view meaning(const std::error_code& error) {
  if (error == weft::errc::deadline_exceeded) return "too slow: try again later";
  if (error == weft::errc::canceled) return "we were told to stop";
  if (error == std::errc::connection_refused) return "nobody is there";
  return "something else";
}

weft::result<void> app() {
  weft::event never;
  const auto waited = never.wait(1ms);
  std::printf("%s\n", meaning(waited.error()).data());
  const auto connected = weft::net::tcp_stream::connect("127.0.0.1:1", 5s);
  if (!connected) std::printf("%s\n", meaning(connected.error()).data());
  static_assert(std::is_error_code_enum_v<weft::errc>);
  return {};
}

int main() { return weft::exit_status(weft::run(app), "errc"); }

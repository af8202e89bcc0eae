// The same question to two servers at once: the first answer counts, whoever fails or is slow does not.
//
//   race
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;

weft::result<const char*> ask(const char* server, std::chrono::milliseconds takes) {
  const auto slept = weft::this_fiber::sleep_for(takes);
  if (!slept) {
    std::printf("%s: %s\n", server, slept.error().message().c_str());
    return std::unexpected(slept.error());
  }
  return server;
}

weft::result<const char*> refuse() {
  return std::unexpected(std::make_error_code(std::errc::connection_refused));
}

weft::result<void> app() {
  const char* const first = WEFT_TRY(weft::race([] { return ask("near", 2ms); },  //
                                                [] { return ask("far", 1h); },    //
                                                refuse));
  std::printf("%s has answered\n", first);
  const auto nobody = weft::race(refuse, refuse);
  std::printf("or nobody: %s\n", nobody.error().message().c_str());
  return {};
}

int main() { return weft::exit_status(weft::run(app), "race"); }

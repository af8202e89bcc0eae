// Asks five servers and takes the answers as they come; after three the rest is stopped.
//
//   join_set
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;

weft::result<int> ask(int server) {
  WEFT_TRY(weft::this_fiber::sleep_for(server == 4 ? 1h : server * 50ms));
  if (server == 2) return std::unexpected(std::make_error_code(std::errc::connection_refused));
  return 100 + server;
}

weft::result<void> app() {
  weft::join_set<int> answers;
  for (int server = 0; server < 5; ++server) answers.spawn([server] { return ask(server); });
  for (int i = 0; i < 3; ++i) {
    const weft::result<int> answer = *answers.join_next();
    if (answer) std::printf("%d\n", *answer);
    else std::printf("none: %s\n", answer.error().message().c_str());
  }
  std::printf("%zu are stopped\n", answers.size());
  return {};
}

int main() { return weft::exit_status(weft::run(app, {.workers = 1}), "join_set"); }

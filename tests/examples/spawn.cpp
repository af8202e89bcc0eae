// The three ways to start a fiber: spawn (joined), go (on its own), try_spawn (fails rather than waits).
//
//   spawn
#include <weft/weft.hpp>

#include <cstdio>

weft::result<void> app() {
  auto answer = weft::spawn([] { return 6 * 7; });

  weft::event logged;
  weft::go(
      [&] {
        std::printf("%.*s: nobody waits for me\n", static_cast<int>(weft::this_fiber::name().size()),
                    weft::this_fiber::name().data());
        logged.set();
      },
      {.name = "logger", .priority = weft::priority::background});

  auto third = weft::try_spawn([] {});
  if (!third) std::printf("no room for a third: %s\n", third.error().message().c_str());

  std::printf("%d\n", answer.join());
  return logged.wait();
}

int main() { return weft::exit_status(weft::run(app, {.fibers_max = 16}), "spawn"); }

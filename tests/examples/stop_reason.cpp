// Why a fiber was stopped: for the line in the log.
//
//   stop_reason
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;

const char* text(std::optional<weft::stop_reason> why) {
  if (!why) return "nothing";
  switch (*why) {
    case weft::stop_reason::user: return "somebody's wish";
    case weft::stop_reason::timeout: return "its deadline";
    case weft::stop_reason::parent: return "the end of its owner";
    case weft::stop_reason::resource: return "too much load";
    case weft::stop_reason::error: return "the failure of a sibling";
  }
  return "?";
}

void work(const char* name) {
  (void)weft::this_fiber::sleep_for(1h);
  std::printf("%s ended by %s\n", name, text(weft::this_fiber::stop_reason()));
}

weft::result<void> app() {
  auto shed = weft::spawn([] { work("shed"); });
  weft::this_fiber::yield();
  shed.request_stop(weft::stop_reason::resource);
  shed.join();

  weft::with_deadline(1ms, [] { weft::spawn([] { work("late"); }).join(); });

  const auto failed = weft::with_nursery([](weft::nursery& n) {
    n.spawn([] { work("sibling"); });
    n.spawn([]() -> weft::result<void> { return std::unexpected(weft::errc::protocol); });
  });
  std::printf("they ended by: %s\n", failed.error().message().c_str());
  return {};
}

int main() { return weft::exit_status(weft::run(app, {.workers = 1}), "stop_reason"); }

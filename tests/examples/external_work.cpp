// A fiber that waits for what never comes is reported, unless somebody outside may still call.
//
//   external_work
#include <weft/weft.hpp>

#include <atomic>
#include <cstdio>
#include <thread>

using namespace std::chrono_literals;

static std::atomic<int> reports{0};

static void sink(std::string_view report) {
  std::printf("%.*s\n", static_cast<int>(report.size()), report.data());
  ++reports;
  reports.notify_all();
}

int main() {
  weft::event called;
  weft::runtime rt{{.workers = 1, .asleep_report = true, .error_sink = sink}};
  {
    const weft::external_work library{rt};  // has a callback of ours, and may call it at any time
    rt.go([&]() -> weft::result<void> { return called.wait(); }, {.name = "lonely"});
    std::this_thread::sleep_for(1200ms);  // real time: a report comes after a second
    std::printf("%s while somebody may call\n", reports == 0 ? "no report" : "a report");
  }
  reports.wait(0);
  called.set();
}

#include "load_run.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <sys/resource.h>

#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/latch.hpp>
#include <weft/runtime/nursery.hpp>
#include <weft/runtime/semaphore.hpp>
#include <weft/runtime/signals.hpp>
#include <weft/runtime/spawn.hpp>
#include <weft/runtime/task.hpp>
#include <weft/runtime/this_fiber.hpp>

#include "connection.hpp"

using namespace std::chrono_literals;
using weft::detail::steady_ns;

namespace {

// What the connections of one worker share.
struct alignas(weft::detail::cache_line) lane {
  tally counted;
  std::optional<arrivals> due;  // of an open loop, once all are connected
};

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

class load_run {
 public:
  load_run(target at, const load_plan& plan, unsigned workers)
      : target_{std::move(at)}, plan_{plan}, lanes_(workers), connected_{plan.connections} {
    for (unsigned i = 0; i < plan.pipeline; ++i) batch_ += target_.request();
  }

  std::expected<load_result, std::string> run(bool show_progress);

 private:
  void connect_and_run(lane& own);
  std::expected<void, std::string> plan_arrivals(std::int64_t start);
  void show_progress(std::int64_t from) const;
  void measure(load_result& result, std::int64_t from, std::int64_t until);
  load_result collect(load_result result, std::int64_t ended) const;

  target target_;
  const load_plan plan_;
  std::string batch_;
  std::vector<lane> lanes_;
  // More at a time would overflow a backlog of 128, the least that servers are given; who is dropped there
  // tries again after a second.
  weft::counting_semaphore<> connecting_{100};
  weft::latch connected_;
  weft::event start_, end_;
};

void load_run::connect_and_run(lane& own) {
  connection c{target_, plan_, batch_, own.counted};
  weft::result<void> opened = connecting_.acquire(weft::deadline::never());
  if (opened) {
    opened = c.open();
    connecting_.release();
  }
  connected_.count_down();
  if (opened && start_.wait()) c.run(own.due ? &*own.due : nullptr);
}

// Worker w sends the requests w, w + workers, ... of all.
std::expected<void, std::string> load_run::plan_arrivals(std::int64_t start) {
  if (!plan_.rate) return {};
  const double between = 1e9 / *plan_.rate * plan_.pipeline;  // two batches, whoever sends them
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const auto timer = arrivals::open_timer();
    if (!timer) return std::unexpected("cannot make a timer: " + timer.error().message());
    const auto first = start + static_cast<std::int64_t>(between * static_cast<double>(i));
    lanes_[i].due.emplace(schedule{first, between * static_cast<double>(lanes_.size())}, *timer);
  }
  return {};
}

void load_run::show_progress(std::int64_t from) const {
  std::uint64_t before = 0;
  for (int seconds = 1; weft::this_fiber::sleep_for(1s); ++seconds) {
    std::uint64_t requests = 0, failures = 0;
    for (const lane& l : lanes_) {
      requests += l.counted.requests();
      failures += l.counted.failures();
    }
    if (steady_ns() < from) std::fprintf(stderr, "\r%d s: warming up \033[K", seconds);
    else
      std::fprintf(stderr, "\r%d s: %llu requests/s, %llu failed \033[K", seconds,
                   static_cast<unsigned long long>(requests - std::exchange(before, requests)),
                   static_cast<unsigned long long>(failures));
  }
  std::fputs("\r\033[K", stderr);
}

void load_run::measure(load_result& result, std::int64_t from, std::int64_t until) {
  weft::deadline at;
  at.at = from;
  if (end_.wait(at)) return;
  result.cpu_seconds = cpu_seconds();
  at.at = until;
  (void)end_.wait(at);
  result.cpu_seconds = cpu_seconds() - result.cpu_seconds;
}

load_result load_run::collect(load_result result, std::int64_t ended) const {
  for (const lane& l : lanes_) {
    if (l.due) l.due->add_untaken(ended, plan_.pipeline, result.counted.unanswered);
    l.counted.add_to(result.counted);
  }
  result.waited_long = result.counted.unanswered.record_longest_in(result.counted.latency);
  return result;
}

std::expected<load_result, std::string> load_run::run(bool progress) {
  if (auto found = target_.find(plan_.timeout); !found) return std::unexpected(std::move(found.error()));
  weft::nursery all;
  auto interrupted = weft::spawn([&] {
    const bool heard = weft::signals::wait({SIGINT, SIGTERM}).has_value();
    end_.set();
    all.request_stop();  // who still connects too
    return heard;
  });
  for (unsigned i = 0; i < plan_.connections; ++i) {
    lane& own = lanes_[i % lanes_.size()];
    all.spawn([this, &own] { connect_and_run(own); },
              {.name = "connection", .worker = static_cast<unsigned>(i % lanes_.size())});
  }
  connected_.wait();

  const std::int64_t start = steady_ns();
  if (auto planned = plan_arrivals(start); !planned) return std::unexpected(std::move(planned.error()));
  const std::int64_t from = start + plan_.warm_up.count();
  const std::int64_t until = from + plan_.duration.count();
  for (unsigned i = 0; i < lanes_.size(); ++i) {
    lanes_[i].counted.measure(from, until);
    if (lanes_[i].due)
      all.spawn([&due = *lanes_[i].due] { (void)due.run(); }, {.name = "arrivals", .worker = i});
  }
  start_.set();
  weft::task<void> shown;
  if (progress) shown = weft::spawn([this, from] { show_progress(from); });
  load_result result;
  measure(result, from, until);
  const std::int64_t ended = std::min(steady_ns(), until);
  all.request_stop();
  (void)all.join();
  shown = {};
  interrupted.request_stop();
  result.interrupted = interrupted.join();
  result.seconds = static_cast<double>(std::max<std::int64_t>(ended - from, 0)) / 1e9;
  return collect(std::move(result), ended);
}

}  // namespace

std::expected<load_result, std::string> run_load(target at, const load_plan& plan, unsigned workers,
                                                 bool show_progress) {
  return std::make_unique<load_run>(std::move(at), plan, workers)->run(show_progress);
}

// A service with three workers and a queue. SIGTERM closes the queue; what lies in it is still done, for half
// a second at most; a job that hangs is cancelled then, and cleans up in a shield.
//
//   graceful_shutdown            ends by SIGTERM or SIGINT
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;

struct job {
  int number;
  std::chrono::milliseconds takes;
};

void work(weft::channel<job>& jobs) {
  for (const job& j : jobs) {
    if (weft::this_fiber::sleep_for(j.takes)) {
      std::printf("job %d: done\n", j.number);
      continue;
    }
    weft::with_shield(1s, [&] {
      (void)weft::this_fiber::sleep_for(1ms);  // stands for giving the job back
      std::printf("job %d: given back\n", j.number);
    });
  }
}

weft::result<void> app() {
  weft::channel<job> jobs{16};
  weft::nursery workers;
  for (int i = 0; i < 3; ++i) workers.spawn([&] { work(jobs); }, {.name = "worker"});

  WEFT_TRY(jobs.send(job{0, 1h}));
  for (int i = 1; i <= 6; ++i) WEFT_TRY(jobs.send(job{i, 20ms}));
  std::printf("working\n");
  std::fflush(stdout);

  WEFT_TRY(weft::signals::wait({SIGINT, SIGTERM}));
  jobs.close();
  if (workers.join(500ms)) return {};
  std::printf("too late: cancelled\n");
  workers.request_stop();
  return workers.join();
}

int main() { return weft::exit_status(weft::run(app), "graceful_shutdown"); }

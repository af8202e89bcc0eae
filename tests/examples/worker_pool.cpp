// Jobs for four workers; the answers come as they are ready.
//
//   worker_pool
#include <weft/weft.hpp>

#include <cstdio>

struct answer {
  int number, steps;
};

// How many steps Collatz's rule takes from n to 1.
static int steps_from(long n) {
  int steps = 0;
  for (; n != 1; ++steps) n = n % 2 == 0 ? n / 2 : 3 * n + 1;
  return steps;
}

int main() {
  return weft::exit_status(weft::run([]() -> weft::result<void> {
                             weft::channel<int> jobs{64};
                             weft::channel<answer> answers{64};
                             weft::wait_group working;
                             working.add(4);
                             for (int w = 0; w < 4; ++w)
                               weft::go([&] {
                                 for (const int n : jobs)
                                   if (!answers.send({n, steps_from(n)})) break;
                                 working.done();
                               });
                             auto feeder = weft::spawn([&]() -> weft::result<void> {
                               for (int n = 1; n <= 10'000; ++n) WEFT_TRY(jobs.send(n));
                               jobs.close();
                               WEFT_TRY(working.wait());
                               answers.close();
                               return {};
                             });

                             answer longest{1, 0};
                             for (const answer a : answers)
                               if (a.steps > longest.steps) longest = a;
                             std::printf("%d takes %d steps\n", longest.number, longest.steps);
                             return feeder.join();
                           }),
                           "worker_pool");
}

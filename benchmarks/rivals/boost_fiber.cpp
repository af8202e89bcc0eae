// Boost.Fiber with its default scheduler (round robin, one thread) and pooled stacks: its malloc'ed 128 KiB
// default is slower. It has no timer of its own: timer/insert_cancel is a wait with a far deadline on a
// condition variable that another fiber ends at once, as one writes it there, and includes the two switches.
#include <boost/fiber/all.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>

#include "harness.hpp"

namespace {

namespace fibers = boost::fibers;
using bench::sample;

// The best of what was tried for the rows of time: with 64 KiB, a thousand stack tops share one set of the
// cache.
constexpr std::size_t stack_bytes = 16 * 1024;
constexpr std::size_t idle_stack_bytes = 64 * 1024;

struct shared {
  std::uint64_t yields = 0;
  bool stop = false;
};

// Two functions, so that the branch predictor sees two call sites, as in a real program.
template <int Which>
[[gnu::noinline]] void turn(shared& s) {
  while (!s.stop) {
    ++s.yields;
    boost::this_fiber::yield();
  }
}

// The main fiber is one of the Count.
template <int First, int Second, std::size_t Count>
sample yield(std::uint64_t operations) {
  fibers::pooled_fixedsize_stack stacks{stack_bytes};
  shared s;
  std::vector<fibers::fiber> all;
  all.reserve(Count - 1);
  for (std::size_t i = 0; i + 1 < Count; ++i) {
    if (i % 2 == 0) all.emplace_back(std::allocator_arg, stacks, [&s] { turn<First>(s); });
    else all.emplace_back(std::allocator_arg, stacks, [&s] { turn<Second>(s); });
  }
  boost::this_fiber::yield();  // the first round touches fresh stacks
  s.yields = 0;
  const bench::stopwatch watch;
  while (s.yields < operations) {
    ++s.yields;
    boost::this_fiber::yield();
  }
  const sample taken = watch.stop(s.yields);
  s.stop = true;
  for (fibers::fiber& f : all) f.join();
  return taken;
}

sample spawn_join_single(std::uint64_t operations) {
  fibers::pooled_fixedsize_stack stacks{stack_bytes};
  std::uint64_t ran = 0;
  const bench::stopwatch watch;
  for (std::uint64_t i = 0; i < operations; ++i)
    fibers::fiber{std::allocator_arg, stacks, [&ran] { ++ran; }}.join();
  return watch.stop(ran);
}

sample spawn_join_batch(std::uint64_t operations) {
  constexpr std::size_t batch = 1000;
  fibers::pooled_fixedsize_stack stacks{stack_bytes};
  std::vector<fibers::fiber> all(batch);
  std::uint64_t ran = 0;
  const bench::stopwatch watch;
  while (ran < operations) {
    for (fibers::fiber& f : all) f = fibers::fiber{std::allocator_arg, stacks, [&ran] { ++ran; }};
    for (fibers::fiber& f : all) f.join();
  }
  return watch.stop(ran);
}

// A scope of a thousand, none of which is named: they count themselves down, and the last wakes who waits.
sample nursery_1000(std::uint64_t operations) {
  constexpr std::size_t batch = 1000;
  fibers::pooled_fixedsize_stack stacks{stack_bytes};
  std::uint64_t ran = 0;
  const bench::stopwatch watch;
  while (ran < operations) {
    fibers::mutex mutex;
    fibers::condition_variable all_ended;
    std::size_t live = batch;
    for (std::size_t i = 0; i < batch; ++i)
      fibers::fiber{std::allocator_arg, stacks,
                    [&] {
                      ++ran;
                      const std::lock_guard<fibers::mutex> hold{mutex};
                      if (--live == 0) all_ended.notify_one();
                    }}
          .detach();
    std::unique_lock<fibers::mutex> lock{mutex};
    all_ended.wait(lock, [&] { return live == 0; });
  }
  return watch.stop(ran);
}

// One operation is a message there and its answer.
sample channel_ping_pong(std::uint64_t operations) {
  fibers::pooled_fixedsize_stack stacks{stack_bytes};
  fibers::unbuffered_channel<std::uint64_t> there, back;
  fibers::fiber answers{std::allocator_arg, stacks, [&] {
                          std::uint64_t n;
                          while (there.pop(n) == fibers::channel_op_status::success) back.push(n + 1);
                        }};
  std::uint64_t n = 0;
  const bench::stopwatch watch;
  while (n < operations) {
    there.push(n);
    back.pop(n);
  }
  const sample taken = watch.stop(n);
  there.close();
  answers.join();
  return taken;
}

// One operation is one message.
template <class Channel>
sample channel_stream(std::uint64_t operations, Channel& numbers) {
  fibers::pooled_fixedsize_stack stacks{stack_bytes};
  fibers::fiber sender{std::allocator_arg, stacks, [&] {
                         for (std::uint64_t i = 0; i < operations; ++i) numbers.push(i);
                         numbers.close();
                       }};
  std::uint64_t received = 0, n;
  const bench::stopwatch watch;
  while (numbers.pop(n) == fibers::channel_op_status::success) ++received;
  const sample taken = watch.stop(received);
  sender.join();
  return taken;
}
sample channel_unbuffered(std::uint64_t operations) {
  fibers::unbuffered_channel<std::uint64_t> numbers;
  return channel_stream(operations, numbers);
}
sample channel_buffered_128(std::uint64_t operations) {
  fibers::buffered_channel<std::uint64_t> numbers{128};
  return channel_stream(operations, numbers);
}

// The results come through a channel, one by one, in the order of ending.
sample join_set_1000(std::uint64_t operations) {
  constexpr std::uint64_t batch = 1000;
  fibers::pooled_fixedsize_stack stacks{stack_bytes};
  std::uint64_t taken = 0, sum = 0;
  const bench::stopwatch watch;
  while (taken < operations) {
    fibers::buffered_channel<std::uint64_t> results{2048};  // a power of two; it holds one less
    for (std::uint64_t i = 0; i < batch; ++i)
      fibers::fiber{std::allocator_arg, stacks, [&results, i] { results.push(i); }}.detach();
    for (std::uint64_t i = 0; i < batch; ++i) {
      sum += results.value_pop();
      ++taken;
    }
  }
  return watch.stop(sum != 0 ? taken : 0);
}

// Boost.Fiber's own examples/skynet.cpp: a channel of 16 per node, launch::dispatch, so that a child runs at
// once and hardly more stacks are in use than the tree is deep.
constexpr std::uint64_t leaves = 1'000'000;

void skynet_node(fibers::pooled_fixedsize_stack& stacks, fibers::buffered_channel<std::uint64_t>& result,
                 std::uint64_t first, std::uint64_t count) {
  if (count == 1) {
    result.push(first);
    return;
  }
  fibers::buffered_channel<std::uint64_t> children{16};
  const std::uint64_t share = count / 10;
  for (std::uint64_t i = 0; i < 10; ++i)
    fibers::fiber{fibers::launch::dispatch, std::allocator_arg, stacks,
                  [&, first, share, i] { skynet_node(stacks, children, first + i * share, share); }}
        .detach();
  std::uint64_t sum = 0;
  for (int i = 0; i < 10; ++i) sum += children.value_pop();
  result.push(sum);
}

sample skynet(std::uint64_t) {
  fibers::pooled_fixedsize_stack stacks{stack_bytes};
  fibers::buffered_channel<std::uint64_t> result{2};
  const bench::stopwatch watch;
  fibers::fiber{std::allocator_arg, stacks, [&] { skynet_node(stacks, result, 0, leaves); }}.detach();
  const std::uint64_t sum = result.value_pop();
  return watch.stop(sum == leaves * (leaves - 1) / 2 ? leaves : 0);
}

sample timer_insert_cancel(std::uint64_t operations) {
  fibers::mutex mutex;
  fibers::condition_variable changed;
  bool waiting = false, stop = false;
  fibers::fiber canceller{[&] {
    while (!stop) {
      if (waiting) changed.notify_one();
      boost::this_fiber::yield();
    }
  }};
  const auto far = std::chrono::steady_clock::now() + std::chrono::hours{1};
  const bench::stopwatch watch;
  for (std::uint64_t i = 0; i < operations; ++i) {
    std::unique_lock<fibers::mutex> lock{mutex};
    waiting = true;
    changed.wait_until(lock, far);
    waiting = false;
  }
  const sample taken = watch.stop(operations);
  stop = true;
  canceller.join();
  return taken;
}

// Guarded, as weft's are; so many, because each takes two mappings of the 65,530 that a process may have.
struct idle {
  double bytes, page_table_bytes;
};
idle measure_idle() {
  constexpr std::size_t count = 20'000;
  fibers::protected_fixedsize_stack stacks{idle_stack_bytes};
  fibers::mutex mutex;
  fibers::condition_variable gate;
  bool open = false;
  std::size_t parked = 0;
  std::vector<fibers::fiber> all;
  all.reserve(count);
  const bench::memory before = bench::memory_now();
  for (std::size_t i = 0; i < count; ++i)
    all.emplace_back(std::allocator_arg, stacks, [&] {
      std::unique_lock<fibers::mutex> lock{mutex};
      ++parked;
      while (!open) gate.wait(lock);
    });
  while (parked < count) boost::this_fiber::yield();
  const bench::memory after = bench::memory_now();
  open = true;
  gate.notify_all();
  for (fibers::fiber& f : all) f.join();
  return {(after.resident - before.resident) / count, (after.page_tables - before.page_tables) / count};
}
const idle& idle_fiber() {
  static const idle measured = measure_idle();
  return measured;
}

sample mutex_uncontended(std::uint64_t operations) {
  fibers::mutex lock;
  std::uint64_t counted = 0;
  const bench::stopwatch watch;
  while (counted < operations) {
    lock.lock();
    ++counted;
    lock.unlock();
  }
  return watch.stop(counted);
}

// Runs each body in a fiber of a thread of its own.
template <class First, class Second>
void on_two_threads(First first, Second second) {
  std::thread one{[&] { fibers::fiber{first}.join(); }};
  std::thread two{[&] { fibers::fiber{second}.join(); }};
  one.join();
  two.join();
}

sample mutex_contended_2(std::uint64_t operations) {
  fibers::mutex lock;
  fibers::barrier both{2};
  std::uint64_t counted = 0;
  const auto count_half = [&] {
    both.wait();
    for (std::uint64_t i = 0; i < operations / 2; ++i) {
      lock.lock();
      ++counted;
      lock.unlock();
    }
  };
  const bench::stopwatch watch;
  on_two_threads(count_half, count_half);
  return watch.stop(counted);
}

// As one writes it there, where none comes with the library.
class binary_semaphore {
 public:
  void acquire() {
    std::unique_lock<fibers::mutex> hold{lock_};
    changed_.wait(hold, [this] { return there_; });
    there_ = false;
  }
  void release() {
    {
      const std::lock_guard<fibers::mutex> hold{lock_};
      there_ = true;
    }
    changed_.notify_one();
  }

 private:
  fibers::mutex lock_;
  fibers::condition_variable changed_;
  bool there_ = false;
};

sample semaphore_cross_thread(std::uint64_t operations) {
  binary_semaphore there, back;
  sample taken;
  on_two_threads(
      [&] {
        for (std::uint64_t i = 0; i < operations; ++i) {
          there.acquire();
          back.release();
        }
      },
      [&] {
        const bench::stopwatch watch;
        for (std::uint64_t i = 0; i < operations; ++i) {
          there.release();
          back.acquire();
        }
        taken = watch.stop(operations);
      });
  return taken;
}

// It has no files: pread(2), which stops every fiber of the thread. The same file as that of file_bench.cpp.
constexpr std::size_t file_block = 4096, file_blocks = 4096;

int open_file(int flags) {
  char name[] = "/var/tmp/rival-XXXXXX";
  const int fd = ::mkostemp(name, O_CLOEXEC);
  ::unlink(name);
  const std::vector<char> bytes(file_block * file_blocks, 'f');
  if (::pwrite(fd, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()) || ::fsync(fd) != 0)
    std::abort();
  (void)::fcntl(fd, F_SETFL, flags);
  return fd;
}

template <int Flags>
sample file_reads(std::uint64_t operations) {
  const int fd = open_file(Flags);
  alignas(file_block) static char page[file_block];
  bench::random_numbers random;
  const bench::stopwatch watch;
  for (std::uint64_t i = 0; i < operations; ++i) {
    const auto at = static_cast<off_t>(random.next() % file_blocks * file_block);
    if (::pread(fd, page, file_block, at) != static_cast<ssize_t>(file_block)) std::abort();
  }
  const sample taken = watch.stop(operations);
  ::close(fd);
  return taken;
}

const int rows[] = {
    bench::memory_row("fiber/idle_bytes", [] { return idle_fiber().bytes; }),
    bench::memory_row("fiber/idle_page_table_bytes", [] { return idle_fiber().page_table_bytes; }),
    bench::time_row("yield/2", yield<0, 1, 2>),
    bench::time_row("yield/2_one_function", yield<0, 0, 2>),
    bench::time_row("yield/1000", yield<0, 1, 1000>),
    bench::time_row("yield/1000_one_function", yield<0, 0, 1000>),
    bench::time_row("yield/100000", yield<0, 1, 100'000>),
    bench::time_row("yield/100000_one_function", yield<0, 0, 100'000>),
    bench::time_row("spawn_join/single", spawn_join_single),
    bench::time_row("spawn_join/batch_1000", spawn_join_batch),
    bench::time_row("nursery/1000", nursery_1000),
    bench::time_row("channel/ping_pong", channel_ping_pong),
    bench::time_row("channel/unbuffered", channel_unbuffered),
    bench::time_row("channel/buffered_128", channel_buffered_128),
    bench::time_row("join_set/1000", join_set_1000),
    bench::time_row("skynet", skynet, {.operations = leaves, .repetitions = 3}),
    bench::time_row("timer/insert_cancel", timer_insert_cancel),
    bench::time_row("mutex/uncontended", mutex_uncontended),
    bench::time_row("mutex/contended_2", mutex_contended_2),
    bench::time_row("semaphore/cross_thread", semaphore_cross_thread),
    bench::time_row("file/read_4k_cached", file_reads<0>),
    bench::time_row("file/batch_32", file_reads<0>),
    bench::time_row("file/batch_32_direct", file_reads<O_DIRECT>),
};

}  // namespace

int main(int argc, char** argv) { return bench::run_rows(argc, argv, "boost_fiber"); }

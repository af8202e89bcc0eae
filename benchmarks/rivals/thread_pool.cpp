// A pool of 32 threads that call pread(2): whoever wants 32 files read gives it 32 jobs and waits for the
// last.
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include <unistd.h>

#include "many_files.hpp"

namespace {

template <int Flags>
class pread_pool {
 public:
  explicit pread_pool(const bench::file_tree& files) : files_{files} {
    for (std::uint64_t i = 0; i < bench::files_in_batch; ++i) threads_.emplace_back([this] { work(); });
  }
  pread_pool(const pread_pool&) = delete;
  pread_pool& operator=(const pread_pool&) = delete;
  ~pread_pool() {
    {
      const std::lock_guard guard{lock_};
      ending_ = true;
    }
    work_came_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  void read_batch(std::uint64_t first) {
    std::unique_lock guard{lock_};
    for (std::uint64_t i = 0; i < bench::files_in_batch; ++i) jobs_.push_back(first + i);
    unfinished_ = bench::files_in_batch;
    work_came_.notify_all();
    all_done_.wait(guard, [this] { return unfinished_ == 0; });
  }

 private:
  void work() {
    auto* const page = static_cast<char*>(std::aligned_alloc(bench::file_size, bench::file_size));
    std::unique_lock guard{lock_};
    for (;;) {
      work_came_.wait(guard, [this] { return ending_ || !jobs_.empty(); });
      if (jobs_.empty()) break;
      const std::uint64_t job = jobs_.front();
      jobs_.pop_front();
      guard.unlock();
      const int fd = files_.open(job, Flags);
      bench::check_file(::pread(fd, page, bench::file_size, 0) == static_cast<ssize_t>(bench::file_size));
      ::close(fd);
      guard.lock();
      if (--unfinished_ == 0) all_done_.notify_one();
    }
    std::free(page);
  }

  const bench::file_tree& files_;
  std::mutex lock_;
  std::condition_variable work_came_, all_done_;
  std::deque<std::uint64_t> jobs_;
  std::uint64_t unfinished_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

template <int Flags>
bench::sample read_in_batches(std::uint64_t count) {
  pread_pool<Flags> pool{bench::files()};
  const bench::stopwatch watch;
  for (std::uint64_t first = 0; first < count; first += bench::files_in_batch) pool.read_batch(first);
  return watch.stop(count);
}

const int rows[] = {
    bench::time_row("file/many_4k", read_in_batches<0>, bench::all_of_them),
    bench::time_row("file/many_4k_direct", read_in_batches<O_DIRECT>, bench::all_of_them),
};

}  // namespace

int main(int argc, char** argv) { return bench::run_rows(argc, argv, "thread_pool"); }

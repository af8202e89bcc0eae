#include <weft/http/access_log.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <new>
#include <utility>

#include <weft/io/io.hpp>
#include <weft/io/owned_descriptor.hpp>
#include <weft/runtime/base/thread_mutex.hpp>
#include <weft/runtime/cancellation_shield.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/thread_stack.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::http {

struct access_log::state {
  state(int opened, access_log_options o) : options{o}, file{opened} {}

  bool collect(std::string_view line) noexcept;
  void write_out();
  void report(bool last);

  const access_log_options options;
  const io::owned_descriptor file;
  event wanted;  // there is something to write, or an end
  std::string writing;
  std::error_code failure;  // why the last lines were lost; none: there was no room for them
  std::uint64_t reported = 0;
  deadline report_again = deadline::past();

  weft::detail::thread_mutex lock;  // guards the rest
  std::string pending;
  std::uint64_t lost = 0;
  bool closed = false;
};

access_log::access_log(std::unique_ptr<state> made) noexcept : state_{std::move(made)} {}
access_log::access_log(access_log&&) noexcept = default;
access_log& access_log::operator=(access_log&&) noexcept = default;
access_log::~access_log() = default;

result<access_log> access_log::open(const std::string& path, access_log_options options) {
  constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;
  const int fd = path == "-" ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0) : ::open(path.c_str(), flags, 0644);
  if (fd < 0) return std::unexpected(std::error_code{errno, std::system_category()});
  return access_log{std::make_unique<state>(fd, options)};
}

// Whether it is the first since the last were taken.
bool access_log::state::collect(std::string_view line) noexcept {
  const std::lock_guard guard{lock};
  const bool first = pending.empty();
  try {
    if (pending.size() + line.size() + 1 > options.pending_max) {
      ++lost;
      return false;
    }
    pending.reserve(pending.size() + line.size() + 1);  // so that half a line is never added
    pending.append(line).push_back('\n');
  } catch (const std::bad_alloc&) {
    ++lost;
    return false;
  }
  return first;
}

void access_log::write(std::string_view line) const noexcept {
  if (state_->collect(line)) state_->wanted.set();
}

result<void> access_log::run() {
  state& s = *state_;
  for (bool over = false; !over;) {
    const result<void> woken = s.wanted.wait();
    s.wanted.reset();
    // A log that is written in its own time does not hold up who ends it.
    if (woken) (void)this_fiber::sleep_for(s.options.interval);
    {
      const std::lock_guard guard{s.lock};
      std::swap(s.pending, s.writing);
      over = s.closed || !woken;
    }
    const cancellation_shield whole;
    s.write_out();
    s.report(over);
    if (!woken) return woken;
  }
  return {};
}

void access_log::state::write_out() {
  std::string_view rest = writing;
  while (!rest.empty()) {
    const auto written = io::write(file.get(), rest);
    if (!written) {
      failure = written.error();
      const std::lock_guard guard{lock};
      lost += static_cast<std::uint64_t>(std::ranges::count(rest, '\n'));
      break;
    }
    rest.remove_prefix(*written);
  }
  writing.clear();
}

void access_log::state::report(bool last) {
  std::uint64_t more = 0;
  {
    const std::lock_guard guard{lock};
    more = lost - reported;
    if (more == 0 || (!last && !report_again.expired())) return;
    reported = lost;
  }
  report_again = std::chrono::seconds{1};
  const std::string why = failure ? failure.message() : "the disk is slower than the requests";
  failure.clear();
  const std::string text = "http: the access log has lost " + std::to_string(more) + " lines: " + why;
  on_thread_stack([&text] { weft::detail::worker::current()->owner().report(text); });
}

void access_log::close() noexcept {
  {
    const std::lock_guard guard{state_->lock};
    state_->closed = true;
  }
  state_->wanted.set();
}

std::uint64_t access_log::lost() const noexcept {
  const std::lock_guard guard{state_->lock};
  return state_->lost;
}

}  // namespace weft::http

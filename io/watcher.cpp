#include <weft/io/watcher.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include <weft/io/blocking_call.hpp>
#include <weft/io/shared_descriptor.hpp>
#include <weft/runtime/base/thread_mutex.hpp>

namespace weft::io {

struct watcher::state {
  explicit state(int fd) noexcept : events{fd} {}

  result<void> fill(deadline until) noexcept;
  watch_event take();
  bool watches_nothing() noexcept;
  bool watches(int watch) noexcept;
  void began(int watch);
  void ended(int watch);

  detail::shared_descriptor events;

  // The reader's: what has been read and not told yet.
  alignas(inotify_event) std::byte buffer[16 * (sizeof(inotify_event) + NAME_MAX + 1)];
  std::size_t begin = 0, end = 0;

  // The kernel never gives a number twice. One that ends before its add() has heard of it waits in `gone`.
  detail::thread_mutex lock;  // guards these
  std::vector<int> watched;
  std::vector<int> gone;
  std::size_t adding = 0;  // calls of add() that are on their way
};

namespace {

// Takes `x` out, if it is there.
bool erase_one(std::vector<int>& from, int x) {
  const auto at = std::ranges::find(from, x);
  if (at == from.end()) return false;
  from.erase(at);
  return true;
}

}  // namespace

watcher::watcher(std::unique_ptr<state> made) noexcept : state_{std::move(made)} {}
watcher::watcher(watcher&&) noexcept = default;
watcher& watcher::operator=(watcher&&) noexcept = default;
watcher::~watcher() = default;

result<watcher> watcher::open() {
  const int fd = ::inotify_init1(IN_CLOEXEC);
  if (fd < 0) return detail::system_error(errno);
  return watcher{std::make_unique<state>(fd)};
}

void watcher::close() noexcept {
  if (state_ != nullptr) (void)state_->events.close();
}

// --- watches

result<int> watcher::add(std::string_view path, std::uint32_t mask, deadline until) {
  if (state_ == nullptr) return std::unexpected(errc::closed);
  const std::string name = WEFT_TRY(detail::kernel_path(path));
  const detail::descriptor_use use{state_->events};
  if (!use) return std::unexpected(errc::closed);
  {
    const std::lock_guard guard{state_->lock};
    ++state_->adding;
  }
  const result<int> watch = detail::blocking_call(
      [&] { return ::inotify_add_watch(state_->events.native_handle(), name.c_str(), mask); }, until);
  const std::lock_guard guard{state_->lock};
  if (watch) state_->began(*watch);
  if (--state_->adding == 0) state_->gone.clear();
  return watch;
}

// Under the lock. It may be one that is watched already, or one that is gone again.
void watcher::state::began(int watch) {
  if (std::ranges::find(gone, watch) != gone.end()) return;
  if (std::ranges::find(watched, watch) == watched.end()) watched.push_back(watch);
}

void watcher::state::ended(int watch) {
  const std::lock_guard guard{lock};
  erase_one(watched, watch);
  if (adding != 0) gone.push_back(watch);
}

bool watcher::state::watches_nothing() noexcept {
  const std::lock_guard guard{lock};
  return watched.empty() && adding == 0;
}

bool watcher::state::watches(int watch) noexcept {
  const std::lock_guard guard{lock};
  return std::ranges::find(watched, watch) != watched.end();
}

result<void> watcher::remove(int watch) noexcept {
  if (state_ == nullptr) return std::unexpected(errc::closed);
  const detail::descriptor_use use{state_->events};
  if (!use) return std::unexpected(errc::closed);
  // The kernel tells IN_IGNORED first and forgets the number then: in between it would accept it once more.
  if (!state_->watches(watch)) return detail::system_error(EINVAL);
  if (::inotify_rm_watch(state_->events.native_handle(), watch) == 0) return {};
  return detail::system_error(errno);
}

// --- events

result<watch_event> watcher::next(deadline until) {
  if (state_ == nullptr) return std::unexpected(errc::closed);
  if (state_->begin == state_->end) WEFT_TRY(state_->fill(until));
  watch_event next = state_->take();
  if (next.is(IN_IGNORED)) state_->ended(next.watch);
  return next;
}

result<void> watcher::state::fill(deadline until) noexcept {
  const detail::descriptor_use use{events};
  if (!use) return std::unexpected(errc::closed);
  if (watches_nothing()) until = deadline::past();  // nothing new will come
  detail::pending_operation p{detail::operation_code::read, -1};
  p.set_buffer(buffer, sizeof buffer);
  const detail::outcome bytes = events.perform(p, until);
  if (bytes == detail::failure(errc::deadline_exceeded) && watches_nothing())
    return std::unexpected(errc::end_of_stream);
  begin = 0;
  end = bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
  return detail::to_result<void>(bytes);
}

watch_event watcher::state::take() {
  inotify_event head;
  std::memcpy(&head, buffer + begin, sizeof head);
  const char* const name = reinterpret_cast<const char*>(buffer + begin + sizeof head);
  watch_event event{head.wd, head.mask, head.cookie, std::string{name, ::strnlen(name, head.len)}};
  begin += sizeof head + head.len;
  return event;
}

}  // namespace weft::io

#include <weft/runtime/base/os_thread.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <memory>
#include <system_error>

#include <pthread.h>

#include <weft/runtime/base/assert.hpp>

namespace weft::detail {
namespace {

constexpr std::size_t stack_size = std::size_t{8} << 20;

// All but those that the processor or the kernel raises in the thread itself: blocking one of these kills the
// process where its handler should have run.
sigset_t asynchronous_signals() noexcept {
  sigset_t set;
  sigfillset(&set);
  for (const int synchronous : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT})
    sigdelset(&set, synchronous);
  return set;
}

}  // namespace

struct os_thread::state {
  std::move_only_function<void()> body;
  char name[16]{};
  pthread_t thread{};

  static void* run(void* self) {
    state& s = *static_cast<state*>(self);
    pthread_setname_np(pthread_self(), s.name);
    s.body();
    return nullptr;
  }
};

result<os_thread> os_thread::start(const char* name, std::move_only_function<void()> body) {
  auto s = std::make_unique<state>();
  s->body = std::move(body);
  std::memcpy(s->name, name, std::min(std::strlen(name), sizeof s->name - 1));

  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_size);
  // The mask is inherited: blocked here around the start, there is no moment at which the new thread takes a
  // signal.
  sigset_t before;
  const sigset_t blocked = asynchronous_signals();
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const int error = pthread_create(&s->thread, &attributes, state::run, s.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);

  if (error != 0) return std::unexpected(std::error_code(error, std::system_category()));
  return os_thread{s.release()};
}

void os_thread::join() noexcept {
  if (state_ == nullptr) return;
  const std::unique_ptr<state> s{std::exchange(state_, nullptr)};
  WEFT_ASSERT(pthread_equal(s->thread, pthread_self()) == 0, "a thread joined itself");
  pthread_join(s->thread, nullptr);
}

}  // namespace weft::detail

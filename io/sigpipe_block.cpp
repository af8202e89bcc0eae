#include <weft/io/sigpipe_block.hpp>

#include <ctime>

#include <pthread.h>
#include <signal.h>

namespace weft::detail {
namespace {

sigset_t only_sigpipe() noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  return set;
}

}  // namespace

sigpipe_block::sigpipe_block() noexcept {
  const sigset_t sigpipe = only_sigpipe();
  sigset_t before;
  restore_ = pthread_sigmask(SIG_BLOCK, &sigpipe, &before) == 0 && sigismember(&before, SIGPIPE) == 0;
}

sigpipe_block::~sigpipe_block() {
  if (!restore_) return;
  const sigset_t sigpipe = only_sigpipe();
  const timespec at_once{};
  while (sigtimedwait(&sigpipe, nullptr, &at_once) == SIGPIPE) {}
  pthread_sigmask(SIG_UNBLOCK, &sigpipe, nullptr);
}

}  // namespace weft::detail

#include <weft/io/probe.hpp>

#include <cerrno>
#include <iterator>

#include <sys/epoll.h>
#include <unistd.h>

#include <weft/io/ring.hpp>
#include <weft/runtime/context/valgrind.hpp>
#include <weft/runtime/poller.hpp>

namespace weft::detail {
namespace {

struct setup_trial {
  const char* name;
  const char* without;
  unsigned flags;  // with what it needs
};

constexpr setup_trial setup_trials[] = {
    {"SINGLE_ISSUER", "epoll is used instead", IORING_SETUP_SINGLE_ISSUER},
    {"DEFER_TASKRUN", "epoll is used instead", IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN},
    {"TASKRUN_FLAG", "epoll is used instead",
     IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG},
    {"SUBMIT_ALL", "epoll is used instead", IORING_SETUP_SUBMIT_ALL},
    {"CQSIZE and CLAMP", "epoll is used instead", IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP},
};

struct operation_trial {
  const char* name;
  int code;
};

constexpr operation_trial operation_trials[] = {
    {"READ", IORING_OP_READ},         {"WRITE", IORING_OP_WRITE},     {"READV", IORING_OP_READV},
    {"WRITEV", IORING_OP_WRITEV},     {"RECV", IORING_OP_RECV},       {"SEND", IORING_OP_SEND},
    {"ACCEPT", IORING_OP_ACCEPT},     {"CONNECT", IORING_OP_CONNECT}, {"CLOSE", IORING_OP_CLOSE},
    {"POLL_ADD", IORING_OP_POLL_ADD},
};

static_assert(std::size(setup_trials) == std::tuple_size_v<decltype(io_support::setup_flags)>);
static_assert(std::size(operation_trials) == std::tuple_size_v<decltype(io_support::operations)>);

int try_setup(unsigned flags) noexcept {
  io_uring trial;
  io_uring_params parameters{};
  parameters.flags = flags;
  if ((flags & IORING_SETUP_CQSIZE) != 0) parameters.cq_entries = 16;
  const int error = io_uring_queue_init_params(2, &trial, &parameters);
  if (error == 0) io_uring_queue_exit(&trial);
  return -error;
}

void probe_operations(ring& made, io_support& found) noexcept {
  io_uring_probe* const known = io_uring_get_probe_ring(made.get());
  for (std::size_t i = 0; i < std::size(operation_trials); ++i) {
    const bool works = known != nullptr && io_uring_opcode_supported(known, operation_trials[i].code) != 0;
    found.operations[i] = {operation_trials[i].name, "what uses it fails with EINVAL", works ? 0 : EINVAL};
  }
  if (known != nullptr) io_uring_free_probe(known);
}

bool try_epoll_pwait2() noexcept {
  const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
  if (descriptor < 0) return false;
  epoll_event event;
  const timespec at_once{};
  const bool works = ::epoll_pwait2(descriptor, &event, 1, &at_once, nullptr) == 0;
  ::close(descriptor);
  return works;
}

// Why io_uring_setup failed with `error`, and what mends it, in one line.
const char* explain_ring_error(int error) noexcept {
  switch (error) {
    case 0: return "works";
    case EPERM:
      return "forbidden: by the sysctl kernel.io_uring_disabled (0 allows it), or by a container's seccomp "
             "profile";
    case ENOSYS:
      return "not there: a kernel without io_uring, or a seccomp profile or emulator that hides it";
    case EINVAL: return "too old: Linux 6.1 or later is needed (DEFER_TASKRUN)";
    case ENOMEM:
      return "no memory: raise RLIMIT_MEMLOCK (ulimit -l), which each worker's ring counts against";
    case EMFILE:
    case ENFILE: return explain_descriptor_shortage(error);
    default: return "failed for a reason that weft does not know";
  }
}

}  // namespace

io_support probe_io() noexcept {
  io_support found;
  for (std::size_t i = 0; i < std::size(setup_trials); ++i) {
    const setup_trial& trial = setup_trials[i];
    found.setup_flags[i] = {trial.name, trial.without, try_setup(trial.flags)};
  }
  ring made;
  found.ring_error = -made.open(poller_options{}.queue_depth);
  found.ring_reason = explain_ring_error(found.ring_error);
  if (found.ring_works()) {
    found.ring_depth = made.depth();
    found.completions = made.get()->cq.ring_entries;
    found.descriptor_registered = made.descriptor_registered();
    found.threads_bounded = made.threads_bounded();
  }
  probe_operations(made, found);
  found.epoll_pwait2 = try_epoll_pwait2();
  found.chosen = found.ring_works() && ring_is_safe() ? "io_uring" : "epoll";
  return found;
}

bool ring_is_safe() noexcept { return !running_on_valgrind; }

const char* explain_descriptor_shortage(int error) noexcept {
  return error == EMFILE ? "no descriptor left: raise RLIMIT_NOFILE (ulimit -n)"
                         : "no descriptor left in the whole system: raise the sysctl fs.file-max";
}

}  // namespace weft::detail

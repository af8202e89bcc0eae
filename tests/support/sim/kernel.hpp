// The simulated kernel's side of a poller: what becomes of each operation, and when.
//
// Without a script, the seed decides: transfers are often short, most operations end after a random while
// and some at once, accepts and polls end late or only by cancellation. A cancelled operation that was about
// to end may still end with its result, as with io_uring; its cancellation too takes a while, so completions
// come late.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include <sim/random.hpp>
#include <weft/runtime/poller.hpp>

namespace weft::detail {

/// How one operation ends, counted from its submission.
struct kernel_answer {
  int result = 0;
  std::chrono::nanoseconds after{0};
  bool never = false;  // only a cancellation ends it
};

/// Called at each submission, on the worker's thread. Null: as the seed says.
using kernel_script = std::function<kernel_answer(const operation& op, random_source& random)>;

/// Sets the script of all pollers made from now on, until the next call.
void set_kernel_script(kernel_script script);

/// What the seed says, for scripts that only change a part.
kernel_answer random_answer(const operation& op, random_source& random);

/// What all pollers together have in flight on a descriptor: submitted, and not yet completed.
std::size_t operations_in_flight(int fd);
std::size_t operations_in_flight(int fd, operation_code code);

/// A poller of the active world.
std::unique_ptr<poller> make_simulated_poller();

}  // namespace weft::detail

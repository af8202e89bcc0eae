// when_all(): several tasks that have nothing in common, as one wait.
#pragma once

#include <tuple>
#include <type_traits>

#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/task.hpp>

namespace weft {

/// Waits until all tasks have ended, and gives their results, in the order of the arguments.
///
/// Blocks     the calling fiber or thread.
/// Errors     those of the tasks; canceled or deadline_exceeded for each that still ran when the caller was
///            stopped, or its deadline passed: it runs on and stays joinable. Rethrows the exception of the
///            first that has thrown, once all have ended; then it and those before it were joined, and those
///            after it can still be.
/// Safe from  any fiber or thread; nobody else may join these tasks meanwhile.
template <class... R>
[[nodiscard]] std::tuple<lifted<R>...> when_all(task<R>&... tasks) {
  ((void)tasks.wait(deadline::never()), ...);
  return std::tuple<lifted<R>...>{tasks.join(deadline::never())...};  // in braces: from left to right
}

}  // namespace weft

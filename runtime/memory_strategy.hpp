// Where the memory of fibers lies, and how much of it is kept: options.memory.
#pragma once

#include <cstdint>

namespace weft {

enum class memory_strategy : std::uint8_t {
  /// One depot of stacks for all workers, which keeps options.stacks_warm of them when they are idle.
  pooled,
  /// One depot for each NUMA node, whose stacks come from that node, and each worker runs on the CPUs of one
  /// node, so that a fiber finds its stack near. On a machine with one node it is as `pooled`, and says so to
  /// the error sink. That is so of stacks only: workers lie where the thread that opens the runtime touched
  /// them first, control blocks of fibers and blocks of pools where a thread did that used them first.
  numa_aware,
  /// As numa_aware where there is more than one node; and options.stacks_warm is the least that is kept:
  /// after a burst that used more than 90 % of what is kept, so much more is; less again when for 10 s less
  /// than 30 % was in use.
  adaptive,
};

}  // namespace weft

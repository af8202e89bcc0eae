// Which CPUs each worker may run on, and which NUMA node it belongs to.
//
// Worker i belongs to the i-th CPU that the process may use, counted round and round: pinned, it runs there
// and nowhere else; with a strategy that knows of nodes, it runs on the CPUs of that one's node. The CPUs are
// those of the affinity mask of the thread that opens the runtime, which the kernel keeps within the cpuset
// of the process. What is asked of the kernel is read back: sandboxes agree to an affinity and ignore it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <weft/pools/numa.hpp>
#include <weft/runtime/options.hpp>

namespace weft::detail {

class placement {
 public:
  /// `topology` without nodes: of a strategy that does not care.
  placement(const options& o, unsigned workers, const numa_topology& topology);

  /// Nodes that have workers; 1 if the strategy does not care, or the machine has no more.
  std::size_t nodes() const noexcept { return node_ids_.empty() ? 1 : node_ids_.size(); }

  /// Below nodes().
  std::size_t node_of(unsigned worker) const noexcept {
    return node_of_worker_.empty() ? 0 : node_of_worker_[worker];
  }

  /// Where its memory is to come from; none: it does not matter.
  std::optional<unsigned> memory_of(std::size_t node) const noexcept {
    return node_ids_.empty() ? std::nullopt : std::optional{node_ids_[node]};
  }

  /// Lets the calling thread, which becomes that worker, run only where it is to. Errors: what the kernel
  /// says; unsupported: it agreed, and did not do it.
  std::error_code bind(unsigned worker) const;

  /// What keeps the options from being followed as they stand, for the error sink; empty: nothing.
  std::string remark() const;

  /// What to tell of a bind() that failed: the cause, and what can be done.
  std::string report_of(std::error_code error) const;

 private:
  const memory_strategy strategy_;
  const bool pin_;
  const unsigned workers_;
  const bool several_;                       // nodes, of which the strategy knows
  std::vector<unsigned> cpus_;               // that may be used; empty if it does not matter
  std::vector<unsigned> node_ids_;           // of the nodes that have workers; empty if there are not several
  std::vector<std::size_t> node_of_worker_;  // an index into node_ids_; empty likewise
  std::vector<std::vector<unsigned>> cpus_of_node_;
};

}  // namespace weft::detail

#include <weft/runtime/placement.hpp>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <limits>

#include <sys/mman.h>
#include <unistd.h>

#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/cpus.hpp>

namespace weft::detail {
namespace {

const char* name_of(memory_strategy s) noexcept {
  return s == memory_strategy::numa_aware ? "numa_aware" : "adaptive";
}

// Whether the kernel lets us choose a node: on a page that goes at once.
std::error_code try_to_place(unsigned node) noexcept {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* const at = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return {errno, std::system_category()};
  const std::error_code error = prefer_node(at, page, node);
  ::munmap(at, page);
  return error;
}

}  // namespace

placement::placement(const options& o, unsigned workers, const numa_topology& topology)
    : strategy_{o.memory}, pin_{o.pin}, workers_{workers}, several_{topology.nodes.size() > 1} {
  if (pin_ || several_) cpus_ = allowed_cpus();
  if (!several_ || cpus_.empty()) return;
  constexpr std::size_t unused = std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> place(topology.nodes.size(), unused);
  for (unsigned w = 0; w < workers; ++w) {
    const std::size_t node = topology.index_of_cpu(cpus_[w % cpus_.size()]);
    if (place[node] == unused) {
      place[node] = node_ids_.size();
      node_ids_.push_back(topology.nodes[node].id);
      std::vector<unsigned>& here = cpus_of_node_.emplace_back();
      std::ranges::copy_if(cpus_, std::back_inserter(here),
                           [&](unsigned cpu) { return topology.index_of_cpu(cpu) == node; });
    }
    node_of_worker_.push_back(place[node]);
  }
}

std::error_code placement::bind(unsigned worker) const {
  if (cpus_.empty())
    return pin_ ? std::make_error_code(std::errc::function_not_supported) : std::error_code{};
  if (pin_) return bind_to_cpus({&cpus_[worker % cpus_.size()], 1});
  return bind_to_cpus(cpus_of_node_[node_of(worker)]);
}

std::string placement::remark() const {
  std::string text;
  if (strategy_ == memory_strategy::numa_aware && node_ids_.empty())
    text = several_
               ? "memory strategy numa_aware: the kernel does not say which CPUs this process may use, so "
                 "it is as pooled"
               : "memory strategy numa_aware: there is one NUMA node here, so it is as pooled";
  for (const unsigned id : node_ids_) {
    const std::error_code error = try_to_place(id);
    if (!error) continue;
    text = std::string{"memory strategy "} + name_of(strategy_) + ": mbind: " + error.message() +
           "; stacks lie where they are touched first";
    if (error == std::errc::operation_not_permitted)
      text += " (a seccomp profile forbids it: allow mbind, or for Docker --cap-add SYS_NICE)";
    break;
  }
  if (pin_ && workers_ > cpus_.size() && !cpus_.empty()) {
    if (!text.empty()) text += "; ";
    text += std::to_string(workers_) + " workers are pinned to " + std::to_string(cpus_.size()) +
            " CPUs, so that some share one (options.workers = 0 starts as many as there are)";
  }
  return text;
}

std::string placement::report_of(std::error_code error) const {
  std::string text = pin_ ? "workers could not be pinned to CPUs: "
                          : "workers could not be bound to the CPUs of their NUMA nodes: ";
  text += error.message();
  const std::string off = pin_ ? "options.pin = false" : "options.memory = memory_strategy::pooled";
  if (error == std::errc::operation_not_permitted)
    text += " (a seccomp profile or security module forbids sched_setaffinity: allow it, or set " + off + ")";
  else if (error == std::errc::invalid_argument)
    text +=
        " (the CPUs of this process have changed meanwhile: see Cpus_allowed_list in /proc/self/status, "
        "and start it anew, or set " +
        off + ")";
  else if (error == errc::unsupported)
    text += " (the kernel agreed and did not do it, as sandboxes do: set " + off + ")";
  else if (error == std::errc::function_not_supported)
    text += " (the kernel does not say which CPUs this process may use: set " + off + ")";
  return text;
}

}  // namespace weft::detail

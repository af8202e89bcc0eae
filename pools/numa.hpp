// Where memory lies on a machine with several NUMA nodes: which there are, memory on one of them, and on
// which one an address lies.
//
// By the system calls mbind(2) and move_pages(2) themselves, not by libnuma, which would be asked for these
// two only: their numbers and constants are part of the kernel's interface and do not change, while libnuma
// may be missing, keeps global state, and may end the process when a call of it fails. Source: mbind(2),
// move_pages(2), set_mempolicy(2); Documentation/ABI/stable/sysfs-devices-node.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <weft/runtime/base/result.hpp>

namespace weft {

/// Memory of one NUMA node, given back to the kernel when this goes. Moves only.
class node_memory {
 public:
  /// None.
  node_memory() noexcept : memory_{nullptr, unmap{}} {}

  std::byte* data() const noexcept { return memory_.get(); }
  std::size_t size() const noexcept { return memory_ == nullptr ? 0 : memory_.get_deleter().size; }
  unsigned node() const noexcept { return node_; }
  std::span<std::byte> bytes() const noexcept { return {data(), size()}; }

 private:
  friend result<node_memory> alloc_on_node(std::size_t bytes, unsigned node) noexcept;

  struct unmap {
    std::size_t size;  // without an initialiser: with one, it could not be made before this class is complete
    void operator()(std::byte* memory) const noexcept;
  };
  node_memory(std::byte* memory, std::size_t size, unsigned node) noexcept
      : memory_{memory, unmap{size}}, node_{node} {}

  std::unique_ptr<std::byte, unmap> memory_;
  unsigned node_ = 0;
};

/// Zeroed memory of which every page lies on `node`, as the kernel says when asked; rounded up to pages.
///
/// Errors     std::errc::invalid_argument: there is no such node, or nothing is wanted. limit: the node has
///            not that much free. std::errc::operation_not_permitted: a container's seccomp profile forbids
///            mbind or move_pages (Docker's does without CAP_SYS_NICE); what else the kernel says.
/// Safe from  any thread, or a fiber with on_thread_stack().
/// Cost       the kernel clears every page: about 0.3 us per KiB.
[[nodiscard]] result<node_memory> alloc_on_node(std::size_t bytes, unsigned node) noexcept;

/// The node on which the page of `address` lies.
///
/// Errors     std::errc::no_such_file_or_directory: there is no page yet, because nobody has touched it.
///            std::errc::bad_address: not mapped, or only read so far, which is the kernel's page of zeros.
///            std::errc::operation_not_permitted, as above.
[[nodiscard]] result<unsigned> node_of(const void* address) noexcept;

/// NUMA nodes of this machine that have memory; 1 where the kernel knows of none.
unsigned numa_nodes() noexcept;

namespace detail {

/// The nodes that have memory, and their processors.
struct numa_topology {
  struct node {
    unsigned id = 0;
    std::vector<unsigned> cpus;
  };

  /// As the kernel says, or one node with nothing known of it. `root`: for tests.
  static numa_topology read(const std::string& root = "/sys/devices/system/node");

  /// The index in `nodes` of the node of that processor; 0 if none has it.
  std::size_t index_of_cpu(unsigned cpu) const noexcept;

  std::vector<node> nodes;
};

/// The numbers of a list as the kernel writes them: "0-3,8,10-11". Empty if it is none.
std::vector<unsigned> parse_cpu_list(std::string_view text);

/// Pages of that range that do not exist yet will come from `node`, as long as that has any. `begin`: of a
/// page.
std::error_code prefer_node(void* begin, std::size_t bytes, unsigned node) noexcept;

}  // namespace detail
}  // namespace weft

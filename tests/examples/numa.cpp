// A table that one worker alone reads lies on the NUMA node where that worker runs; on a machine with one
// node, there is only that one.
//
//     numa
#include <cstdio>

#include <sched.h>

#include <weft/weft.hpp>

weft::result<void> app() {
  unsigned node = 0;
  getcpu(nullptr, &node);
  const auto table = weft::on_thread_stack([node] { return weft::alloc_on_node(2 << 20, node); });
  if (!table && table.error() == std::errc::operation_not_permitted)  // as in many containers
    return std::puts("this process may not choose a node"), weft::result<void>{};
  if (!table) return std::unexpected(table.error());
  std::printf("%zu KiB on node %u of %u\n", table->size() >> 10, WEFT_TRY(weft::node_of(table->data())),
              weft::numa_nodes());
  return {};
}

int main() {
  return weft::exit_status(weft::run(app, {.pin = true, .memory = weft::memory_strategy::adaptive}), "numa");
}

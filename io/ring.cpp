#include <weft/io/ring.hpp>

#include <cerrno>

#include <sys/mman.h>

#include <weft/runtime/base/atomic.hpp>

namespace weft::detail {
namespace {

// Rings that were unmapped. The kernel maps an address again only after that, but liburing asks it by bare
// system calls, of which ThreadSanitizer does not hear: to it this word says so.
constinit atomic<std::uint32_t> unmapped{0};

}  // namespace

int ring::open(unsigned depth) noexcept {
  int error = -EINVAL;
  for (;;) {
    io_uring_params parameters{};
    parameters.flags = setup_flags | IORING_SETUP_CQSIZE;
    parameters.cq_entries = depth * completions_per_submission;
    error = io_uring_queue_init_params(depth, &ring_, &parameters);
    // Since Linux 6.14 ring memory counts against RLIMIT_MEMLOCK again.
    if (error != -ENOMEM || depth / 2 < depth_min) break;
    depth /= 2;
  }
  if (error != 0) return error;
  (void)unmapped.load(std::memory_order_acquire);
  open_ = true;
  // Sleeping with a timeout needs EXT_ARG (5.11); an overflow that loses completions cannot be worked with
  // (NODROP, 5.5).
  constexpr unsigned needed = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP;
  if ((ring_.features & needed) != needed) {
    close();
    return -ENOSYS;
  }
  keep_from_children();
  descriptor_registered_ = io_uring_register_ring_fd(&ring_) == 1;
  unsigned bounds[2] = {file_threads_max, other_threads_max};
  threads_bounded_ = io_uring_register_iowq_max_workers(&ring_, bounds) == 0;
  return 0;
}

void ring::close() noexcept {
  if (!open_) return;
  open_ = false;
  if (descriptor_registered_) io_uring_unregister_ring_fd(&ring_);
  descriptor_registered_ = false;
  unmapped.fetch_add(1, std::memory_order_acq_rel);
  io_uring_queue_exit(&ring_);
}

// A child that inherits the maps could move the queue's tail under its parent.
void ring::keep_from_children() noexcept {
  madvise(ring_.sq.ring_ptr, ring_.sq.ring_sz, MADV_DONTFORK);
  if (ring_.cq.ring_ptr != ring_.sq.ring_ptr) madvise(ring_.cq.ring_ptr, ring_.cq.ring_sz, MADV_DONTFORK);
  madvise(ring_.sq.sqes, ring_.sq.ring_entries * sizeof(io_uring_sqe), MADV_DONTFORK);
}

}  // namespace weft::detail

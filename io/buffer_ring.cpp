#include <weft/io/buffer_ring.hpp>

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weft::detail {
namespace {

struct trial_sockets {
  trial_sockets() noexcept {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) ends[0] = ends[1] = -1;
  }
  trial_sockets(const trial_sockets&) = delete;
  ~trial_sockets() {
    for (const int fd : ends)
      if (fd >= 0) ::close(fd);
  }
  bool send(char byte) const noexcept { return ends[0] >= 0 && ::send(ends[1], &byte, 1, MSG_NOSIGNAL) == 1; }

  int ends[2];
};

void submit_receive(io_uring* to, int fd) noexcept {
  io_uring_sqe* const sqe = io_uring_get_sqe(to);
  io_uring_prep_recv(sqe, fd, nullptr, provided_buffers::buffer_bytes, 0);
  sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = buffer_ring::group;
  io_uring_sqe_set_data64(sqe, ring::ignored);
}

// The byte that a completion has brought; 0: not one byte in a buffer.
char received(const io_uring_cqe& cqe, provided_buffers& buffers) noexcept {
  if (cqe.res != 1 || (cqe.flags & IORING_CQE_F_BUFFER) == 0) return 0;
  const unsigned index = cqe.flags >> IORING_CQE_BUFFER_SHIFT;
  if (index >= buffers.count()) return 0;
  std::byte* const buffer = buffers.chosen(index);
  const char byte = static_cast<char>(*buffer);
  buffers.give(buffer);
  return byte;
}

// Two receives at once, each its byte, in buffers of their own.
bool works(io_uring* with, provided_buffers& buffers) noexcept {
  const trial_sockets a;
  const trial_sockets b;
  if (!a.send('a') || !b.send('b')) return false;
  submit_receive(with, a.ends[0]);
  submit_receive(with, b.ends[0]);
  io_uring_cqe* first = nullptr;
  __kernel_timespec patience{.tv_sec = 1, .tv_nsec = 0};
  io_uring_submit_and_wait_timeout(with, &first, 2, &patience, nullptr);
  io_uring_cqe* both[2] = {};
  const unsigned count = io_uring_peek_batch_cqe(with, both, 2);
  bool good = count == 2 && (both[0]->flags ^ both[1]->flags) >> IORING_CQE_BUFFER_SHIFT != 0;
  if (good) {
    const char one = received(*both[0], buffers);
    const char other = received(*both[1], buffers);
    good = (one == 'a' && other == 'b') || (one == 'b' && other == 'a');
  }
  io_uring_cq_advance(with, count);
  return good;
}

}  // namespace

bool buffer_ring::open(ring& of, provided_buffers& buffers) noexcept {
  entries_bytes_ = buffers.count() * sizeof(io_uring_buf);
  void* const memory =
      ::mmap(nullptr, entries_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  // A child that inherits it could give the kernel buffers of its parent.
  ::madvise(memory, entries_bytes_, MADV_DONTFORK);
  io_uring_buf_reg request{};
  request.ring_addr = reinterpret_cast<std::uintptr_t>(memory);
  request.ring_entries = buffers.count();
  request.bgid = group;
  if (io_uring_register_buf_ring(of.get(), &request, 0) != 0) {
    ::munmap(memory, entries_bytes_);
    return false;
  }
  entries_ = static_cast<io_uring_buf_ring*>(memory);
  io_uring_buf_ring_init(entries_);
  mask_ = io_uring_buf_ring_mask(buffers.count());
  buffers.attach({this, [](void* to, std::byte* buffer, unsigned index) noexcept {
                    static_cast<buffer_ring*>(to)->provide(buffer, index);
                  }});
  if (works(of.get(), buffers)) return true;
  buffers.detach();
  close(of);
  return false;
}

void buffer_ring::close(ring& of) noexcept {
  if (!is_open()) return;
  io_uring_unregister_buf_ring(of.get(), group);
  ::munmap(entries_, entries_bytes_);
  entries_ = nullptr;
}

}  // namespace weft::detail

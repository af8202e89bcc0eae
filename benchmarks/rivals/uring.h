/* What the raw loops on io_uring share: the ring, and the loop. */
#ifndef WEFT_RIVALS_URING_H
#define WEFT_RIVALS_URING_H

#include <liburing.h>

#include "listen.h"

enum { accepting = 1 };

static struct io_uring ring;

static struct io_uring_sqe* submission(void) {
  struct io_uring_sqe* sqe = io_uring_get_sqe(&ring);
  if (sqe == NULL) {
    io_uring_submit(&ring);
    sqe = io_uring_get_sqe(&ring);
  }
  return sqe;
}

static void receive_into(int fd, void* at, size_t size, void* of) {
  struct io_uring_sqe* sqe = submission();
  io_uring_prep_recv(sqe, fd, at, size, 0);
  sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
  io_uring_sqe_set_data(sqe, of);
}

static void send_from(int fd, const void* at, size_t size, void* of) {
  struct io_uring_sqe* sqe = submission();
  io_uring_prep_send(sqe, fd, at, size, MSG_NOSIGNAL);
  io_uring_sqe_set_data(sqe, of);
}

static void accept_many(int listener) {
  struct io_uring_sqe* sqe = submission();
  io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
  io_uring_sqe_set_data64(sqe, accepting);
}

/* accepted(descriptor), completed(what a submission has as its data, result): for ever. Both are constants, so
 * the compiler calls them without a pointer. */
static inline void run(int listener, void (*accepted)(int), void (*completed)(void*, int)) {
  struct io_uring_params with = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                          IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL,
                                 .cq_entries = 8192};
  if (io_uring_queue_init_params(2048, &ring, &with) != 0) die("io_uring");
  accept_many(listener);
  for (;;) {
    io_uring_submit_and_wait(&ring, 1);
    unsigned head, seen = 0;
    struct io_uring_cqe* cqe;
    io_uring_for_each_cqe(&ring, head, cqe) {
      ++seen;
      if (cqe->user_data != accepting) {
        completed(io_uring_cqe_get_data(cqe), cqe->res);
        continue;
      }
      if (cqe->res >= 0) {
        no_delay(cqe->res);
        accepted(cqe->res);
      }
      if ((cqe->flags & IORING_CQE_F_MORE) == 0) accept_many(listener);
    }
    io_uring_cq_advance(&ring, seen);
  }
}

#endif

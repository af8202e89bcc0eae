/* The least that an io_uring server does: one ring, multishot accept, a receive and a send per request, all
 * that is ready with one system call. */
#include <liburing.h>

#include "http.h"

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

static void receive(struct connection* c) {
  struct io_uring_sqe* sqe = submission();
  io_uring_prep_recv(sqe, c->fd, c->in + c->received, sizeof c->in - c->received, 0);
  sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
  io_uring_sqe_set_data(sqe, c);
}

static void send_answers(struct connection* c) {
  struct io_uring_sqe* sqe = submission();
  io_uring_prep_send(sqe, c->fd, c->out + c->sent, c->to_send - c->sent, MSG_NOSIGNAL);
  io_uring_sqe_set_data(sqe, c);
}

static void end(struct connection* c) {
  close(c->fd);
  free(c);
}

static void completed(struct connection* c, int n) {
  if (n <= 0) return end(c);
  if (c->to_send != 0) { /* it was a send */
    c->sent += (unsigned)n;
    if (c->sent < c->to_send) return send_answers(c);
    c->sent = c->to_send = 0;
    if (c->received == ~0u) return end(c);
    return receive(c);
  }
  c->received += (unsigned)n;
  const int last = answer_all(c);
  if (c->to_send == 0) return receive(c);
  if (last) c->received = ~0u; /* nothing more is read */
  send_answers(c);
}

static void accept_many(int listener) {
  struct io_uring_sqe* sqe = submission();
  io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
  io_uring_sqe_set_data64(sqe, accepting);
}

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "usage: http_uring PORT\n"), 2;
  const int listener = listen_at(argv[1]);
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
        completed((struct connection*)cqe->user_data, cqe->res);
        continue;
      }
      if (cqe->res >= 0) {
        struct connection* c = calloc(1, sizeof *c);
        c->fd = cqe->res;
        no_delay(c->fd);
        receive(c);
      }
      if ((cqe->flags & IORING_CQE_F_MORE) == 0) accept_many(listener);
    }
    io_uring_cq_advance(&ring, seen);
  }
}

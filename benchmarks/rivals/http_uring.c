/* The least that an io_uring server does: one ring, multishot accept, a receive and a send per request, all
 * that is ready with one system call. */
#include "http.h"
#include "uring.h"

static void receive(struct connection* c) {
  receive_into(c->fd, c->in + c->received, sizeof c->in - c->received, c);
}

static void send_answers(struct connection* c) {
  send_from(c->fd, c->out + c->sent, c->to_send - c->sent, c);
}

static void end(struct connection* c) {
  close(c->fd);
  free(c);
}

static void accepted(int fd) {
  struct connection* c = calloc(1, sizeof *c);
  c->fd = fd;
  receive(c);
}

static void completed(void* of, int n) {
  struct connection* const c = of;
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

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "usage: http_uring PORT\n"), 2;
  run(listen_at(argv[1]), accepted, completed);
}

/* The least that an io_uring echo server does: one ring, multishot accept, a receive and a send per message,
 * all that is ready with one system call.
 *
 *   echo_uring PORT
 */
#include "uring.h"

struct connection {
  int fd;
  unsigned to_send, sent;
  char bytes[16384];
};

static void receive(struct connection* c) { receive_into(c->fd, c->bytes, sizeof c->bytes, c); }

static void send_back(struct connection* c) {
  send_from(c->fd, c->bytes + c->sent, c->to_send - c->sent, c);
}

static void accepted(int fd) {
  struct connection* c = calloc(1, sizeof *c);
  c->fd = fd;
  receive(c);
}

static void completed(void* of, int n) {
  struct connection* const c = of;
  if (n <= 0) {
    close(c->fd);
    free(c);
  } else if (c->to_send == 0) { /* it was a receive */
    c->to_send = (unsigned)n;
    send_back(c);
  } else if ((c->sent += (unsigned)n) < c->to_send) {
    send_back(c);
  } else {
    c->to_send = c->sent = 0;
    receive(c);
  }
}

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "usage: echo_uring PORT\n"), 2;
  run(listen_at(argv[1]), accepted, completed);
}

/* The least that an epoll server does: level-triggered, one thread, one receive and one send per wake-up. */
#include "epoll.h"
#include "http.h"

static struct connection* connections[connections_max];

static void end(struct connection* c) {
  close(c->fd);
  connections[c->fd] = NULL;
  free(c);
}

static void accepted(int fd) {
  connections[fd] = calloc(1, sizeof *connections[fd]);
  connections[fd]->fd = fd;
}

static void serve(int fd) {
  struct connection* const c = connections[fd];
  const ssize_t n = recv(c->fd, c->in + c->received, sizeof c->in - c->received, 0);
  if (n <= 0) {
    if (n == 0 || errno != EAGAIN) end(c);
    return;
  }
  c->received += (unsigned)n;
  const int last = answer_all(c);
  /* The clients of a benchmark read what they are sent. */
  const ssize_t sent = send(c->fd, c->out, c->to_send, MSG_NOSIGNAL);
  if (sent != (ssize_t)c->to_send || last) return end(c);
  c->to_send = 0;
}

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "usage: http_epoll PORT\n"), 2;
  run(listen_at(argv[1]), accepted, serve);
}

/* The least that an epoll server does: level-triggered, one thread, one receive and one send per wake-up. */
#include <errno.h>
#include <sys/epoll.h>

#include "http.h"

static struct connection* connections[connections_max];

static void end(struct connection* c) {
  close(c->fd);
  connections[c->fd] = NULL;
  free(c);
}

static void serve(struct connection* c) {
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
  const int listener = listen_at(argv[1]);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event on = {.events = EPOLLIN, .data = {.fd = listener}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &on);
  for (;;) {
    struct epoll_event ready[512];
    const int n = epoll_wait(epoll, ready, 512, -1);
    for (int i = 0; i < n; ++i) {
      if (ready[i].data.fd != listener) {
        serve(connections[ready[i].data.fd]);
        continue;
      }
      int fd;
      while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        no_delay(fd);
        connections[fd] = calloc(1, sizeof *connections[fd]);
        connections[fd]->fd = fd;
        on.data.fd = fd;
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &on);
      }
    }
  }
}

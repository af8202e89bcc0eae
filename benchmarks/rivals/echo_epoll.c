/* The least that an epoll echo server does: level-triggered, one thread, one receive and one send per wake-up.
 *
 *   echo_epoll PORT
 */
#include <errno.h>
#include <sys/epoll.h>

#include "listen.h"

static char buffer[16384]; /* one for all: what is received is sent before anything else is */

static void serve(int fd) {
  const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
  if (n < 0 && errno == EAGAIN) return;
  /* The clients of a benchmark read what they are sent. */
  if (n <= 0 || send(fd, buffer, (size_t)n, MSG_NOSIGNAL) != n) close(fd);
}

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "usage: echo_epoll PORT\n"), 2;
  const int listener = listen_at(argv[1]);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event on = {.events = EPOLLIN, .data = {.fd = listener}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &on);
  for (;;) {
    struct epoll_event ready[512];
    const int n = epoll_wait(epoll, ready, 512, -1);
    for (int i = 0; i < n; ++i) {
      if (ready[i].data.fd != listener) {
        serve(ready[i].data.fd);
        continue;
      }
      int fd;
      while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        no_delay(fd);
        on.data.fd = fd;
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &on);
      }
    }
  }
}

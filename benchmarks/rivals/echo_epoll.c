/* The least that an epoll echo server does: level-triggered, one thread, one receive and one send per wake-up.
 *
 *   echo_epoll PORT
 */
#include "epoll.h"

static char buffer[16384]; /* one for all: what is received is sent before anything else is */

static void serve(int fd) {
  const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
  if (n < 0 && errno == EAGAIN) return;
  /* The clients of a benchmark read what they are sent. */
  if (n <= 0 || send(fd, buffer, (size_t)n, MSG_NOSIGNAL) != n) close(fd);
}

static void accepted(int fd) { (void)fd; } /* nothing is kept of it */

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "usage: echo_epoll PORT\n"), 2;
  run(listen_at(argv[1]), accepted, serve);
}

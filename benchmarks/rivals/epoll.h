/* What the raw loops on epoll share: the loop. */
#ifndef WEFT_RIVALS_EPOLL_H
#define WEFT_RIVALS_EPOLL_H

#include <errno.h>
#include <sys/epoll.h>

#include "listen.h"

/* accepted(descriptor), readable(descriptor): for ever. Both are constants, so the compiler calls them without
 * a pointer. */
static inline void run(int listener, void (*accepted)(int), void (*readable)(int)) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event on = {.events = EPOLLIN, .data = {.fd = listener}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &on);
  for (;;) {
    struct epoll_event ready[512];
    const int n = epoll_wait(epoll, ready, 512, -1);
    for (int i = 0; i < n; ++i) {
      if (ready[i].data.fd != listener) {
        readable(ready[i].data.fd);
        continue;
      }
      int fd;
      while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        no_delay(fd);
        accepted(fd);
        on.data.fd = fd;
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &on);
      }
    }
  }
}

#endif

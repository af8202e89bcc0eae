/* What the raw loops share: a listening socket, the constant answer, and how many heads have come. They only
 * look for the end of a head; so they are a floor for servers, and no server. */
#ifndef WEFT_RIVALS_HTTP_H
#define WEFT_RIVALS_HTTP_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char answer[] =
    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n"
    "Content-Length: 13\r\n\r\nHello, World!";
/* ab asks with HTTP/1.0, and must hear that the connection stays. */
static const char answer_1_0[] =
    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n"
    "Content-Length: 13\r\nConnection: keep-alive\r\n\r\nHello, World!";

enum { connections_max = 1 << 16, buffer_bytes = 4096, answers_max = 64 };

struct connection {
  int fd;
  unsigned received;
  char in[buffer_bytes];
  unsigned to_send, sent;
  char out[answers_max * sizeof answer_1_0];
};

static void die(const char* what) {
  perror(what);
  exit(1);
}

static int listen_at(const char* port) {
  const int on = 1;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr*)&at, sizeof at) != 0) die("bind");
  if (listen(fd, 4096) != 0) die("listen");
  return fd;
}

static void no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* Answers every whole head; what is left of one stays. Returns 1 if the connection ends after that. */
static int answer_all(struct connection* c) {
  int end = 0;
  char* from = c->in;
  char* const to = c->in + c->received;
  char* head_end;
  while (!end && (head_end = memmem(from, (size_t)(to - from), "\r\n\r\n", 4)) != NULL) {
    const size_t head = (size_t)(head_end + 4 - from);
    const int old = memmem(from, head, " HTTP/1.0\r\n", 11) != NULL;
    end = old && memmem(from, head, "eep-", 4) == NULL;
    const char* const text = old && !end ? answer_1_0 : answer;
    const size_t length = (old && !end ? sizeof answer_1_0 : sizeof answer) - 1;
    if (c->to_send + length > sizeof c->out) break;
    memcpy(c->out + c->to_send, text, length);
    c->to_send += (unsigned)length;
    from += head;
  }
  c->received = (unsigned)(to - from);
  memmove(c->in, from, c->received);
  return end;
}

#endif

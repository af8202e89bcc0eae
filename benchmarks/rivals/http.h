/* What the raw loops of HTTP share: the constant answer, and how many heads have come. They only look for the
 * end of a head; so they are a floor for servers, and no server. */
#ifndef WEFT_RIVALS_HTTP_H
#define WEFT_RIVALS_HTTP_H

#include <string.h>

#include "listen.h"

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

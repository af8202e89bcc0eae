/* libuv as its users write it: a buffer per connection, uv_try_write() first, which needs no request, and
 * uv_write() for what the kernel does not take at once.
 *
 *   echo_uv PORT
 */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { buffer_bytes = 16384 };

struct connection {
  uv_tcp_t stream; /* first: libuv hands it back */
  uv_write_t write;
  char bytes[buffer_bytes];
};

static void start(struct connection* c);

static void freed(uv_handle_t* h) { free(h); }

static void end(struct connection* c) {
  if (!uv_is_closing((uv_handle_t*)&c->stream)) uv_close((uv_handle_t*)&c->stream, freed);
}

static void memory(uv_handle_t* h, size_t suggested, uv_buf_t* to) {
  (void)suggested;
  *to = uv_buf_init(((struct connection*)h)->bytes, buffer_bytes);
}

static void written(uv_write_t* w, int status) {
  struct connection* const c = w->data;
  if (status < 0) end(c);
  else start(c);
}

static void received(uv_stream_t* s, ssize_t n, const uv_buf_t* in) {
  struct connection* const c = (struct connection*)s;
  if (n == 0) return; /* nothing there after all */
  if (n < 0) return end(c);
  uv_buf_t back = uv_buf_init(in->base, (unsigned)n);
  int sent = uv_try_write(s, &back, 1);
  if (sent == n) return;
  if (sent < 0 && sent != UV_EAGAIN) return end(c);
  if (sent < 0) sent = 0;
  back = uv_buf_init(in->base + sent, (unsigned)(n - sent));
  uv_read_stop(s); /* the buffer is not free */
  c->write.data = c;
  if (uv_write(&c->write, s, &back, 1, written) != 0) end(c);
}

static void start(struct connection* c) { uv_read_start((uv_stream_t*)&c->stream, memory, received); }

static void connected(uv_stream_t* listener, int status) {
  if (status < 0) return;
  struct connection* const c = malloc(sizeof *c);
  uv_tcp_init(listener->loop, &c->stream);
  if (uv_accept(listener, (uv_stream_t*)&c->stream) != 0) return end(c);
  uv_tcp_nodelay(&c->stream, 1);
  start(c);
}

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "usage: echo_uv PORT\n"), 2;
  uv_tcp_t listener;
  struct sockaddr_in at;
  uv_ip4_addr("127.0.0.1", atoi(argv[1]), &at);
  uv_tcp_init(uv_default_loop(), &listener);
  int failed = uv_tcp_bind(&listener, (struct sockaddr*)&at, 0);
  if (!failed) failed = uv_listen((uv_stream_t*)&listener, 4096, connected);
  if (failed) return fprintf(stderr, "echo_uv: %s\n", uv_strerror(failed)), 1;
  return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

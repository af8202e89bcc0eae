/* What anybody would write: a blocking socket and sendfile(2) until the file ends. For benchmarks/transfers.
 *
 *   sendfile FILE PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long clock_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int file = open(argv[1], O_RDONLY);
  const int to = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[2]))};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int yes = 1;
  setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (file < 0 || connect(to, (struct sockaddr*)&at, sizeof at) != 0) return 1;
  const long long wall = clock_ns(CLOCK_MONOTONIC), cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  unsigned long long sent = 0;
  for (;;) {
    const ssize_t n = sendfile(to, file, NULL, 0x7ffff000);
    if (n < 0) return 1;
    if (n == 0) break;
    sent += (unsigned long long)n;
  }
  shutdown(to, SHUT_WR);
  char all_there;
  if (read(to, &all_there, 1) != 1) return 1;
  printf("%llu %lld %lld\n", sent, clock_ns(CLOCK_MONOTONIC) - wall, clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu);
  return 0;
}

/* One HTTP request to a program of ours: HOST:PORT, an IPv4 address. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/cli/cli.h"

static int connect_to(const char *place)
{
  char host[128];
  snprintf(host, sizeof host, "%s", place);
  char *colon = strrchr(host, ':');
  struct sockaddr_in address = {.sin_family = AF_INET};
  struct timeval limit = {10, 0};
  if (colon == NULL) return -1;
  *colon = '\0';
  address.sin_port = htons((uint16_t)atoi(colon + 1));
  int fd = inet_pton(AF_INET, host, &address.sin_addr) == 1 ? socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
  while (size > 0) {
    ssize_t wrote = write(fd, bytes, size);
    if (wrote <= 0) return false;
    bytes += wrote;
    size -= (size_t)wrote;
  }
  return true;
}

int hf_cli_http(const char *place, const char *method, const char *path, const char *body, char *answer, size_t answer_size)
{
  char head[512];
  size_t used = 0, size = strlen(body);
  int fd = connect_to(place), status = 0;
  answer[0] = '\0';
  if (fd < 0) return 0;
  int wrote =
      snprintf(head, sizeof head, "%s %s HTTP/1.0\r\nHost: %s\r\nContent-Length: %zu\r\n\r\n", method, path, place, size);
  bool sent = wrote > 0 && (size_t)wrote < sizeof head && write_all(fd, head, (size_t)wrote) && write_all(fd, body, size);
  for (ssize_t got; sent && used < answer_size - 1 && (got = read(fd, answer + used, answer_size - 1 - used)) > 0;)
    used += (size_t)got;
  close(fd);
  answer[used] = '\0';
  char *text = strstr(answer, "\r\n\r\n");
  if (sscanf(answer, "HTTP/1.%*d %d", &status) != 1 || text == NULL) return 0;
  memmove(answer, text + 4, strlen(text + 4) + 1);
  return status;
}

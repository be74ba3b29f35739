/* What every protocol shares when it is started by hand: flags, listening, the line that says where, a clean stop. */
#include "peer.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 4096, RECEIVE_BUFFER = 16 << 20 };

typedef struct {
  const protocol *one;
  const char *host, *port;
  bool json;
  options own;
} command_line;

static const char *running = "peer";

static _Noreturn void usage(const char *flag, const char *value, const char *why) {
  fprintf(stderr, "%s: %s%s%s: %s\n", running, flag, value ? " " : "", value ? value : "", why);
  exit(EXIT_USAGE);
}

double parse_seconds(const char *flag, const char *text) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end || !(value > 0) || value > 2e6) usage(flag, text, "not a number of seconds above 0");
  return value;
}

void *grown(void *memory, size_t bytes) {
  void *more = realloc(memory, bytes);
  if (more) return more;
  fprintf(stderr, "%s: out of memory\n", running);
  exit(EXIT_LISTEN);
}

size_t format_address(char *text, size_t room, const struct sockaddr_storage *address) {
  char ip[INET6_ADDRSTRLEN];
  if (address->ss_family == AF_INET) {
    const struct sockaddr_in *v4 = (const void *)address;
    inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof ip);
    return snprintf(text, room, "%s:%d", ip, ntohs(v4->sin_port));
  }
  const struct sockaddr_in6 *v6 = (const void *)address;
  inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof ip);
  return snprintf(text, room, "[%s]:%d", ip, ntohs(v6->sin6_port));
}

static void set_port(command_line *line, const char *text) {
  char *end;
  long value = strtol(text, &end, 10);
  if (end == text || *end || value < 0 || value > 65535) usage("--port", text, "not a port, 0 to 65535");
  line->port = text;
}
static void set_host(command_line *line, const char *text) { line->host = text; }
static void set_oversize(command_line *line, const char *text) {
  line->own.truncate = strcmp(text, "truncate") == 0;
  if (!line->own.truncate && strcmp(text, "drop") != 0) usage("--oversize", text, "not drop or truncate");
}
static void set_forget(command_line *line, const char *text) {
  line->own.forget_after = parse_seconds("--forget-after", text);
}
static void set_ping(command_line *line, const char *text) {
  line->own.ping_interval = parse_seconds("--ping-interval", text);
}
static void set_idle(command_line *line, const char *text) {
  line->own.idle_timeout = parse_seconds("--idle-timeout", text);
}
static void add_origin(command_line *line, const char *text) {
  enum { MOST = sizeof line->own.origins / sizeof *line->own.origins };
  if (line->own.origin_count == MOST) usage("--allow-origin", text, "more than 16 of them");
  line->own.origins[line->own.origin_count++] = text;
}

static const struct {
  const char *name;
  void (*set)(command_line *line, const char *text);
} known_flags[] = {
    {"--port", set_port},           {"--host", set_host},         {"--oversize", set_oversize},
    {"--forget-after", set_forget}, {"--ping-interval", set_ping}, {"--idle-timeout", set_idle},
    {"--allow-origin", add_origin},
};

/* Whether the protocol has it: all have host and port. */
static bool has_flag(const protocol *one, const char *name) {
  if (strcmp(name, "--port") == 0 || strcmp(name, "--host") == 0) return true;
  const char *at = strstr(one->flags, name);
  return at && strchr(" ", at[strlen(name)]);
}

static void parse(command_line *line, int count, char **arguments) {
  enum { FLAGS = sizeof known_flags / sizeof *known_flags };
  for (int i = 0; i < count; i++) {
    const char *name = arguments[i];
    if (strcmp(name, "--json") == 0) {
      line->json = true;
      continue;
    }
    size_t which = 0;
    while (which < FLAGS && strcmp(known_flags[which].name, name) != 0) which++;
    if (which == FLAGS || !has_flag(line->one, name)) usage(name, NULL, "unknown flag");
    if (++i == count) usage(name, NULL, "needs a value");
    known_flags[which].set(line, arguments[i]);
  }
}

static int listen_at(const command_line *line, struct sockaddr_storage *bound) {
  bool datagrams = strcmp(line->one->scheme, "udp") == 0;
  struct addrinfo hints = {.ai_socktype = datagrams ? SOCK_DGRAM : SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
  int failure = getaddrinfo(line->host, line->port, &hints, &found);
  if (failure) usage("--host", line->host, gai_strerror(failure));
  int fd = socket(found->ai_family, found->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (datagrams) { /* a burst should wait, not be lost; past the system's bound only root may go */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){RECEIVE_BUFFER}, sizeof(int)) < 0)
      setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){RECEIVE_BUFFER}, sizeof(int));
  } else setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  socklen_t length = sizeof *bound;
  if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) < 0 || (!datagrams && listen(fd, BACKLOG) < 0) ||
      getsockname(fd, (struct sockaddr *)bound, &length) < 0) {
    if (errno == EADDRINUSE)
      fprintf(stderr, "%s: port %s of %s is already in use\n", running, line->port, line->host);
    else fprintf(stderr, "%s: cannot listen on port %s of %s: %s\n", running, line->port, line->host, strerror(errno));
    exit(EXIT_LISTEN);
  }
  freeaddrinfo(found);
  return fd;
}

static void announce(const command_line *line, const struct sockaddr_storage *bound) {
  char address[64];
  format_address(address, sizeof address, bound);
  const protocol *one = line->one;
  if (line->json)
    printf("{\"listening\":\"%s://%s%s\",\"protocol\":\"%s\",\"pid\":%d}\n", one->scheme, address, one->path, one->name,
           getpid());
  else printf("%s listening on %s://%s%s\n", one->name, one->scheme, address, one->path);
  fflush(stdout);
}

static void stop(int signal) {
  (void)signal;
  _exit(0); /* the kernel closes what is open */
}

int run(const protocol *one, int count, char **arguments) {
  char port[8];
  struct sockaddr_storage bound;
  running = one->name;
  snprintf(port, sizeof port, "%d", one->port);
  command_line line = {.one = one, .host = "127.0.0.1", .port = port, .own = one->defaults};
  parse(&line, count, arguments);
  int fd = listen_at(&line, &bound);
  signal(SIGTERM, stop);
  signal(SIGINT, stop);
  signal(SIGPIPE, SIG_IGN);
  announce(&line, &bound);
  one->serve(fd, &line.own);
  return 0;
}

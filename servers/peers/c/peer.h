/* What the files of the C peer share. */
#ifndef PEER_H
#define PEER_H

#define _GNU_SOURCE /* accept4, recvmmsg, sendmmsg */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* standalone.c: what is set on the command line. */
enum { EXIT_USAGE = 2, EXIT_LISTEN = 3 };

typedef struct {
  bool truncate;       /* relay: --oversize truncate */
  double forget_after; /* relay, in seconds, as all times */
  double ping_interval, idle_timeout;
  const char *origins[16]; /* chat/ws: --allow-origin */
  size_t origin_count;
} options;

typedef struct {
  const char *name, *scheme, *path;
  int port;
  const char *flags; /* its own, each behind a blank */
  options defaults;
  void (*serve)(int fd, const options *settings); /* returns never */
} protocol;

int run(const protocol *one, int count, char **arguments);
double parse_seconds(const char *flag, const char *text);
/* "ip:port" or "[ip]:port"; returns its length. */
size_t format_address(char *text, size_t room, const struct sockaddr_storage *address);
void *grown(void *memory, size_t bytes); /* realloc that cannot fail */

/* loop.c: one thread that waits for all descriptors at once. */
typedef struct source source;
struct source {
  void (*ready)(source *self, uint32_t events); /* EPOLLIN, EPOLLOUT, … */
  int fd;
};

bool loop_watch(source *one, uint32_t events); /* false where the descriptor cannot be waited for: a file */
void loop_change(source *one, uint32_t events);
void loop_forget(source *one);
double loop_now(void); /* seconds, as of this turn's beginning */
/* Each turn hears everybody who is ready once, then calls `turn`; a few times a second also `sweep`. */
void loop_run(void (*turn)(void), void (*sweep)(void));

/* connection.c: TCP connections with bounded queues, and the one room in which they are. */
enum { MAX_QUEUE = 1 << 20, BATCH = 262144 };

typedef struct {
  unsigned char *data;
  size_t used, room;
} bytes;
void append(bytes *to, const void *more, size_t count);

typedef struct connection connection;
struct connection {
  source source; /* first: the loop hands it back */
  connection *previous, *next;
  char address[64];
  bytes unread;      /* the beginning of a line, a request or a frame */
  bytes queue;       /* what the kernel has not taken: */
  size_t queue_from; /* from here on */
  uint32_t interest;
  bool member, peer_ended, finished;
  size_t place; /* among the members */
  /* Of this turn's batch it gets [batch_from, skip_from) and [skip_to, …). One range is enough to leave out: in a
     turn each connection is read once, so what it says stands together. */
  size_t batch_from, skip_from, skip_to;
  double heard_at, deadline;
  unsigned char prefix[96]; /* of what it says */
  size_t prefix_bytes;
  /* Of chat/ws: whether its handshake is done, and the message whose fragments come, with its opcode. */
  bool open;
  bytes message;
  int opcode;
  double pinged_at;
};

typedef struct {
  void (*opened)(connection *one);
  void (*heard)(connection *one, unsigned char *bytes, size_t count); /* may overwrite them */
  void (*evict)(connection *one); /* its queue is too full; it ends between two messages */
  void (*idle)(connection *one);  /* a few times a second */
} room_protocol;

void serve_room(int listener, const room_protocol *speaks);
void join_room(connection *one);
/* Says something to all in the room: `begin` with all its bytes, then its parts. */
size_t begin(size_t bytes);
void put(const void *bytes, size_t count);
void skip(connection *one, size_t from);
/* To one alone. */
void say_to(connection *one, const void *bytes, size_t count);
/* The end: what waits and these last words are written, then FIN; the peer has 5 s to close. */
void finish(connection *one, const void *words, size_t count);
void reset(connection *one);

/* handshake.c: the answer to a request for chat/ws, or to what is none. */
typedef enum { INCOMPLETE, REFUSED, UPGRADED } handshake;
/* `end` is where what follows the request begins; `answer` has room for ANSWER bytes. */
enum { ANSWER = 1024, MAX_HEAD = 16384 };
handshake shake(const bytes *request, size_t looked, const options *settings, size_t *end, char *answer);

void serve_bracket(int fd, const options *settings);
void serve_ws(int fd, const options *settings);
void serve_relay(int fd, const options *settings);

#endif

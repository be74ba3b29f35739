/*
 * TCP connections in one room. All that is said in a turn of the loop is gathered in one batch, and each member gets
 * the batch by one sendmsg(2), without what it said itself. What the kernel does not take waits in a bounded queue.
 */
#include "peer.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
  READ = 262144,
  SEND_BUFFER = 131072, /* the kernel doubles it (socket(7)); by itself it takes up to 4 MiB for each who does not read */
  LINGER_SECONDS = 5,
};

static const room_protocol *speaks;
static source listening;
static bool accepting = true;
static unsigned char batch[BATCH];
static size_t batch_bytes;
static connection **members;
static size_t member_count, member_room;
static connection *all;    /* every open connection */
static connection *closed; /* those of this turn: an event may still name them */

static size_t waiting(const connection *one) { return one->queue.used - one->queue_from; }

static void watch(connection *one) {
  uint32_t interest = (one->peer_ended ? 0 : EPOLLIN) | (waiting(one) > 0 ? EPOLLOUT : 0);
  if (one->source.fd < 0 || interest == one->interest) return;
  one->interest = interest;
  loop_change(&one->source, interest);
}

static void leave(connection *one) {
  if (!one->member) return;
  one->member = false;
  connection *last = members[--member_count];
  members[last->place = one->place] = last;
}

static void close_now(connection *one) {
  if (one->source.fd < 0) return;
  leave(one);
  loop_forget(&one->source);
  close(one->source.fd);
  one->source.fd = -1;
  one->finished = true;
  if (one->previous) one->previous->next = one->next;
  else all = one->next;
  if (one->next) one->next->previous = one->previous;
  one->next = closed;
  closed = one;
}

void reset(connection *one) {
  struct linger none = {.l_onoff = 1};
  setsockopt(one->source.fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  close_now(one);
}

/* Writes these parts, or as much as the kernel takes: the count, or -1 when the connection is broken. */
static ssize_t write_parts(connection *one, struct iovec *parts, int count) {
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
  ssize_t taken = sendmsg(one->source.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  return taken < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) ? 0 : taken;
}

static void clear(bytes *one) {
  free(one->data);
  *one = (bytes){0};
}

static bool flush_queue(connection *one) {
  struct iovec part = {one->queue.data + one->queue_from, waiting(one)};
  ssize_t taken = part.iov_len ? write_parts(one, &part, 1) : 0;
  if (taken < 0) return false;
  one->queue_from += taken;
  if (waiting(one) > 0) return true;
  clear(&one->queue);
  one->queue_from = 0;
  return true;
}

static void enqueue(connection *one, const void *more, size_t count) {
  bytes *queue = &one->queue;
  if (queue->used + count > queue->room && one->queue_from > 0) {
    memmove(queue->data, queue->data + one->queue_from, queue->used -= one->queue_from);
    one->queue_from = 0;
  }
  append(queue, more, count);
}

/* Sends the parts behind what waits, and lets the rest wait. */
static bool send_parts(connection *one, struct iovec *parts, int count) {
  size_t bytes = 0;
  for (int i = 0; i < count; i++) bytes += parts[i].iov_len;
  if (bytes == 0) return true;
  /* Its reader may have been quick and only this turn slow: the kernel is asked again before that counts. */
  if (waiting(one) + bytes > MAX_QUEUE && !flush_queue(one)) return false;
  ssize_t taken = waiting(one) > 0 ? 0 : write_parts(one, parts, count);
  if (taken < 0) return false;
  if ((size_t)taken == bytes) return true;
  for (int i = 0; i < count; i++) {
    size_t passed = (size_t)taken < parts[i].iov_len ? (size_t)taken : parts[i].iov_len;
    enqueue(one, (char *)parts[i].iov_base + passed, parts[i].iov_len - passed);
    taken -= passed;
  }
  watch(one);
  return true;
}

/* Gives one its part of the batch so far. */
static bool share(connection *one) {
  struct iovec parts[2] = {
      {batch + one->batch_from, one->skip_from - one->batch_from},
      {batch + one->skip_to, batch_bytes - one->skip_to},
  };
  one->batch_from = one->skip_from = one->skip_to = batch_bytes;
  return parts[0].iov_len ? send_parts(one, parts, 2) : send_parts(one, parts + 1, 1);
}

static void flush_batch(void) {
  if (batch_bytes == 0) return;
  for (size_t i = member_count; i-- > 0;) { /* downwards: who leaves is replaced by one who has had its part */
    connection *one = members[i];
    if (!share(one)) close_now(one);
    else if (waiting(one) > MAX_QUEUE) speaks->evict(one);
    else one->batch_from = one->skip_from = one->skip_to = 0;
  }
  batch_bytes = 0;
}

size_t begin(size_t bytes) {
  if (batch_bytes + bytes > BATCH) flush_batch();
  return batch_bytes;
}

void put(const void *bytes, size_t count) {
  memcpy(batch + batch_bytes, bytes, count);
  batch_bytes += count;
}

void skip(connection *one, size_t from) {
  if (one->skip_to != from || one->skip_to == one->skip_from) one->skip_from = from;
  one->skip_to = batch_bytes;
}

void join_room(connection *one) {
  if (member_count == member_room) members = grown(members, (member_room = 2 * member_room + 64) * sizeof *members);
  one->batch_from = one->skip_from = one->skip_to = batch_bytes;
  one->member = true;
  members[one->place = member_count++] = one;
}

void say_to(connection *one, const void *more, size_t count) {
  struct iovec part = {(void *)more, count};
  if (!send_parts(one, &part, 1)) close_now(one);
  else if (waiting(one) > MAX_QUEUE) speaks->evict(one);
}

static void end_stream(connection *one) {
  if (one->source.fd < 0 || waiting(one) > 0) return;
  shutdown(one->source.fd, SHUT_WR);
  if (one->peer_ended) close_now(one);
}

void finish(connection *one, const void *words, size_t count) {
  if (one->finished) return;
  bool shared = !one->member || share(one);
  leave(one);
  one->finished = true;
  one->deadline = loop_now() + LINGER_SECONDS;
  if (!shared) return close_now(one);
  say_to(one, words, count);
  end_stream(one);
}

void append(bytes *to, const void *more, size_t count) {
  if (to->used + count > to->room) to->data = grown(to->data, to->room = 2 * (to->used + count));
  memcpy(to->data + to->used, more, count);
  to->used += count;
}

static void hear(connection *one) {
  static unsigned char buffer[READ];
  ssize_t count = recv(one->source.fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count < 0) return close_now(one);
  one->heard_at = loop_now();
  /* After its end what still comes is thrown away: unread, it would turn the close into a reset. */
  if (count > 0 && !one->finished) speaks->heard(one, buffer, count);
  if (count > 0) return;
  one->peer_ended = true;
  if (one->finished && waiting(one) == 0) return close_now(one);
  finish(one, "", 0);
  watch(one);
}

static void connection_ready(source *self, uint32_t events) {
  connection *one = (connection *)self;
  if (events & EPOLLOUT) {
    if (!flush_queue(one)) return close_now(one);
    if (one->finished) end_stream(one);
    watch(one);
  }
  if (one->source.fd < 0) return;
  if (one->peer_ended && events & (EPOLLHUP | EPOLLERR)) close_now(one);
  else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) hear(one);
}

static void accept_one(source *self, uint32_t events) {
  (void)events;
  struct sockaddr_storage from;
  socklen_t length = sizeof from;
  int fd = accept4(self->fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0 && (errno == EMFILE || errno == ENFILE)) { /* until the next sweep: it would be ready again at once */
    accepting = false;
    loop_change(self, 0);
  }
  if (fd < 0) return;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  connection *one = grown(NULL, sizeof *one);
  *one = (connection){.source = {connection_ready, fd}, .next = all, .interest = EPOLLIN, .heard_at = loop_now()};
  if (all) all->previous = one;
  all = one;
  format_address(one->address, sizeof one->address, &from);
  loop_watch(&one->source, EPOLLIN);
  speaks->opened(one);
}

static void end_turn(void) {
  flush_batch();
  for (connection *one = closed; one; one = closed) {
    closed = one->next;
    clear(&one->unread);
    clear(&one->queue);
    clear(&one->message);
    free(one);
  }
}

static void sweep(void) {
  if (!accepting) loop_change(&listening, EPOLLIN);
  accepting = true;
  for (connection *one = all, *next; one; one = next) {
    next = one->next;
    if (one->finished && loop_now() > one->deadline) reset(one);
    else if (speaks->idle) speaks->idle(one);
  }
  end_turn();
}

void serve_room(int listener, const room_protocol *protocol) {
  speaks = protocol;
  listening = (source){accept_one, listener};
  setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &(int){SEND_BUFFER}, sizeof(int)); /* accepted sockets inherit it */
  loop_watch(&listening, EPOLLIN);
  loop_run(end_turn, sweep);
}

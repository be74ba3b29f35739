/*
 * relay: each datagram goes to every other address that was heard of lately. Datagrams are read by recvmmsg(2) and
 * sent by sendmmsg(2), many by one system call. They are relayed in the order of their arrival.
 */
#include "peer.h"
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/ip_icmp.h>
#include <netinet/icmp6.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum {
  MAX_PAYLOAD = 1024,
  MAX_PREFIX = 64,
  MAX_ADDRESSES = 10000,
  PLACES = 32768, /* of the hash table: a power of two, at most a third of it taken */
  READS = 64,     /* datagrams of one recvmmsg */
  SENDS = 1024,   /* and of one sendmmsg: UIO_MAXIOV */
};

typedef struct {
  struct sockaddr_storage address;
  socklen_t length;
  char prefix[MAX_PREFIX];
  size_t prefix_bytes;
  double heard, noticed;
} client;

static int fd;
static const options *settings;
static client *clients; /* in no order; `places` finds them */
static size_t client_count;
static int16_t places[PLACES]; /* which client, or -1; linear probing */

static struct mmsghdr incoming[READS], outgoing[SENDS];
static struct sockaddr_storage senders[READS];
static struct iovec read_parts[READS], send_parts[SENDS];
/* Room for the prefix stands before each payload, so that no payload is copied. */
static unsigned char payloads[READS][MAX_PREFIX + MAX_PAYLOAD];
static size_t outgoing_count;

static size_t key_bytes(const struct sockaddr_storage *address) {
  return address->ss_family == AF_INET ? offsetof(struct sockaddr_in, sin_zero) : offsetof(struct sockaddr_in6, sin6_scope_id);
}

static size_t first_place(const struct sockaddr_storage *address) {
  uint64_t hash = 14695981039346656037u; /* FNV-1a */
  const unsigned char *bytes = (const void *)address;
  for (size_t i = 0; i < key_bytes(address); i++) hash = (hash ^ bytes[i]) * 1099511628211u;
  return (hash ^ hash >> 32) & (PLACES - 1);
}

/* Where it stands in `places`, or the free place where it would. */
static int16_t *place_of(const struct sockaddr_storage *address) {
  size_t at = first_place(address);
  while (places[at] >= 0 && memcmp(&clients[places[at]].address, address, key_bytes(address)) != 0)
    at = (at + 1) & (PLACES - 1);
  return &places[at];
}

static void index_all(void) {
  memset(places, -1, sizeof places);
  for (size_t i = 0; i < client_count; i++) *place_of(&clients[i].address) = i;
}

/* Removes are rare: the whole index is made anew. */
static void forget(const struct sockaddr_storage *address) {
  int16_t at = *place_of(address);
  if (at < 0) return;
  clients[at] = clients[--client_count];
  index_all();
}

static void forget_silent(void) {
  size_t kept = 0;
  for (size_t i = 0; i < client_count; i++)
    if (loop_now() - clients[i].heard <= settings->forget_after) clients[kept++] = clients[i];
  if (kept == client_count) return;
  client_count = kept;
  index_all();
}

/* Who answered with ICMP port unreachable stands in the error queue (ip(7), IP_RECVERR). */
static void forget_unreachable(void) {
  for (;;) {
    struct sockaddr_storage about;
    unsigned char control[512];
    struct msghdr message = {
        .msg_name = &about, .msg_namelen = sizeof about, .msg_control = control, .msg_controllen = sizeof control};
    if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return;
    for (struct cmsghdr *one = CMSG_FIRSTHDR(&message); one; one = CMSG_NXTHDR(&message, one)) {
      const struct sock_extended_err *error = (const void *)CMSG_DATA(one);
      bool v4 = error->ee_origin == SO_EE_ORIGIN_ICMP && error->ee_type == ICMP_DEST_UNREACH &&
                error->ee_code == ICMP_PORT_UNREACH;
      bool v6 = error->ee_origin == SO_EE_ORIGIN_ICMP6 && error->ee_type == ICMP6_DST_UNREACH &&
                error->ee_code == ICMP6_DST_UNREACH_NOPORT;
      if (v4 || v6) forget(&about);
    }
  }
}

/* Sends what has been gathered. An error is of an earlier datagram to anyone, the first time: it is tried again. */
static void send_outgoing(void) {
  bool failed = false;
  for (size_t sent = 0; sent < outgoing_count;) {
    int count = sendmmsg(fd, outgoing + sent, outgoing_count - sent, MSG_DONTWAIT);
    if (count <= 0 && failed) count = 1; /* it is this one that cannot be sent */
    failed = count <= 0;
    if (!failed) sent += count;
  }
  outgoing_count = 0;
}

static void gather(const client *to, void *bytes, size_t count) {
  if (outgoing_count == SENDS) send_outgoing();
  struct msghdr *header = &outgoing[outgoing_count].msg_hdr;
  send_parts[outgoing_count] = (struct iovec){bytes, count};
  *header = (struct msghdr){.msg_name = (void *)&to->address, .msg_namelen = to->length,
                            .msg_iov = &send_parts[outgoing_count], .msg_iovlen = 1};
  outgoing_count++;
}

static client *registered(const struct sockaddr_storage *from, socklen_t length) {
  int16_t *place = place_of(from);
  if (*place >= 0) return &clients[*place];
  if (client_count == MAX_ADDRESSES) return NULL;
  client *one = &clients[*place = client_count++];
  char address[MAX_PREFIX - 4];
  *one = (client){.address = *from, .length = length, .noticed = -1e9};
  format_address(address, sizeof address, from);
  one->prefix_bytes = snprintf(one->prefix, sizeof one->prefix, "[%s]: ", address);
  return one;
}

/* At most once a second: the notice is longer than the shortest datagram that could provoke it with a forged source. */
static void refuse(client *one, size_t bytes) {
  char notice[80];
  if (loop_now() - one->noticed < 1) return;
  one->noticed = loop_now();
  send_outgoing();
  gather(one, notice, snprintf(notice, sizeof notice, "[Server]: datagram of %zu bytes exceeds %d", bytes, MAX_PAYLOAD));
  send_outgoing();
}

static void relay_one(size_t i) {
  size_t bytes = incoming[i].msg_len;
  client *author = registered(&senders[i], incoming[i].msg_hdr.msg_namelen);
  if (!author) return;
  author->heard = loop_now();
  if (bytes == 0) return;
  if (bytes > MAX_PAYLOAD && !settings->truncate) return refuse(author, bytes);
  if (bytes > MAX_PAYLOAD) bytes = MAX_PAYLOAD;
  unsigned char *datagram = payloads[i] + MAX_PREFIX - author->prefix_bytes;
  memcpy(datagram, author->prefix, author->prefix_bytes);
  for (size_t to = 0; to < client_count; to++)
    if (&clients[to] != author) gather(&clients[to], datagram, author->prefix_bytes + bytes);
}

static void ready(source *self, uint32_t events) {
  (void)self;
  if (events & EPOLLERR) forget_unreachable();
  for (size_t i = 0; i < READS; i++) incoming[i].msg_hdr.msg_namelen = sizeof senders[i];
  /* MSG_TRUNC: the true length, also of what is longer than the buffer. */
  int count = recvmmsg(fd, incoming, READS, MSG_DONTWAIT | MSG_TRUNC, NULL);
  for (int i = 0; i < count; i++) relay_one(i);
  send_outgoing();
}

static void nothing(void) {}

void serve_relay(int socket, const options *own) {
  static source one;
  fd = socket;
  settings = own;
  clients = grown(NULL, MAX_ADDRESSES * sizeof *clients);
  index_all();
  for (size_t i = 0; i < READS; i++) {
    read_parts[i] = (struct iovec){payloads[i] + MAX_PREFIX, MAX_PAYLOAD};
    incoming[i].msg_hdr = (struct msghdr){.msg_name = &senders[i], .msg_iov = &read_parts[i], .msg_iovlen = 1};
  }
  /* One of the two does not apply to the socket's family. */
  setsockopt(fd, IPPROTO_IP, IP_RECVERR, &(int){1}, sizeof(int));
  setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &(int){1}, sizeof(int));
  one = (source){ready, fd};
  loop_watch(&one, EPOLLIN);
  loop_run(nothing, forget_silent);
}

/*
 * The opening handshake of chat/ws (RFC 6455 4.2) and the plain HTTP answers beside it. Every answer but 101 ends its
 * connection, so there are no bodies to skip.
 */
#include "peer.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static uint32_t rotated(uint32_t x, int n) { return x << n | x >> (32 - n); }

static void sha1_block(uint32_t state[5], const unsigned char *block) {
  static const uint32_t constants[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
  uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
  for (int i = 0; i < 16; i++)
    w[i] = (uint32_t)block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 | block[4 * i + 3];
  for (int i = 16; i < 80; i++) w[i] = rotated(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  for (int i = 0; i < 80; i++) {
    uint32_t f = i < 20 ? (b & c) | (~b & d) : i >= 40 && i < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
    uint32_t next = rotated(a, 5) + f + e + constants[i / 20] + w[i];
    e = d, d = c, c = rotated(b, 30), b = a, a = next;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

/* Of at most 119 bytes: two blocks. */
static void sha1(const char *text, unsigned char digest[20]) {
  uint32_t state[] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  size_t count = strlen(text), blocks = (count + 8) / 64 + 1;
  unsigned char padded[128] = {0};
  memcpy(padded, text, count);
  padded[count] = 0x80;
  padded[64 * blocks - 2] = count * 8 >> 8;
  padded[64 * blocks - 1] = count * 8;
  for (size_t i = 0; i < blocks; i++) sha1_block(state, padded + 64 * i);
  for (int i = 0; i < 20; i++) digest[i] = state[i / 4] >> (24 - 8 * (i % 4));
}

/* What proves that the handshake was read: base64(sha1(key + this GUID)), RFC 6455 1.3. */
static void accept_for(const char *key, char accept[29]) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  char text[64];
  unsigned char digest[21] = {0}; /* a zero behind, to make it a multiple of three */
  snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
  sha1(text, digest);
  for (int i = 0; i < 7; i++) {
    uint32_t three = digest[3 * i] << 16 | digest[3 * i + 1] << 8 | digest[3 * i + 2];
    for (int j = 0; j < 4; j++) accept[4 * i + j] = digits[three >> (18 - 6 * j) & 63];
  }
  strcpy(accept + 27, "=");
}

typedef struct {
  char method[16], target[1024], host[256], origin[256], key[64], upgrade[256], connection[256], version[16];
  bool http11;
  int hosts;
} request;

typedef struct {
  const char *name;
  size_t at, room;
} field;

#define FIELD(name, member) {name, offsetof(request, member), sizeof((request *)0)->member}
static const field fields[] = {
    FIELD("Host", host),       FIELD("Origin", origin),         FIELD("Sec-WebSocket-Key", key),
    FIELD("Upgrade", upgrade), FIELD("Connection", connection), FIELD("Sec-WebSocket-Version", version),
};

/* Copies a value; one that is longer than any good one becomes one that is none. */
static void set(char *to, size_t room, const char *value, size_t count) {
  bool fits = count < room && !memchr(value, 0, count);
  snprintf(to, room, "%.*s", fits ? (int)count : 1, fits ? value : "?");
}

static bool read_request_line(request *one, const char *line, size_t count) {
  const char *first = memchr(line, ' ', count), *last = memrchr(line, ' ', count);
  if (!first || first == last || first == line) return false;
  set(one->method, sizeof one->method, line, first - line);
  const char *target = first + 1, *query = memchr(target, '?', last - target);
  if (target == last || memchr(target, ' ', last - target)) return false;
  set(one->target, sizeof one->target, target, (query ? query : last) - target);
  size_t version = line + count - last - 1;
  one->http11 = version == 8 && strncasecmp(last + 1, "HTTP/1.1", 8) == 0;
  return one->http11 || (version == 8 && strncasecmp(last + 1, "HTTP/1.0", 8) == 0);
}

static bool read_field(request *one, const char *line, size_t count) {
  const char *colon = memchr(line, ':', count);
  if (!colon || colon == line || isspace((unsigned char)colon[-1]) || isspace((unsigned char)*line)) return false;
  const char *value = colon + 1, *end = line + count;
  while (value < end && (*value == ' ' || *value == '\t')) value++;
  while (end > value && (end[-1] == ' ' || end[-1] == '\t')) end--;
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    if ((size_t)(colon - line) != strlen(fields[i].name) || strncasecmp(line, fields[i].name, colon - line) != 0) continue;
    set((char *)one + fields[i].at, fields[i].room, value, end - value);
    if (i == 0) one->hosts++;
  }
  return true;
}

static bool read_head(request *one, const char *head, size_t count) {
  bool first = true;
  for (const char *at = head, *end = head + count; at < end; first = false) {
    const char *stop = memmem(at, end - at, "\r\n", 2);
    if (!(first ? read_request_line : read_field)(one, at, stop - at)) return false;
    at = stop + 2;
  }
  return one->hosts == 1 || (!one->http11 && one->hosts == 0);
}

static bool has_token(const char *list, const char *token) {
  for (const char *at = list; at; at = strchr(at, ',')) {
    at += strspn(at, ", \t");
    size_t count = strcspn(at, ", \t");
    if (count == strlen(token) && strncasecmp(at, token, count) == 0) return true;
    if (count == 0) return false;
  }
  return false;
}

/* A page of another host; programs name no origin. */
static bool is_foreign(const request *one, const options *settings) {
  if (!*one->origin) return false;
  for (size_t i = 0; i < settings->origin_count; i++)
    if (strcmp(settings->origins[i], "*") == 0 || strcmp(settings->origins[i], one->origin) == 0) return false;
  const char *host = strstr(one->origin, "://");
  return !host || strcasecmp(host + 3, one->host) != 0;
}

static bool is_key(const char *key) {
  size_t digits = strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
  return digits == 22 && strcmp(key + 22, "==") == 0;
}

static const char page[] =
    "<!doctype html><title>chat/ws</title><input id=say><button id=send>send</button><pre id=log></pre>\n"
    "<script>const socket = new WebSocket(`ws://${location.host}/ws`);\n"
    "socket.onmessage = ({ data }) => log.append(data);\n"
    "send.onclick = () => { socket.send(say.value); say.value = ''; };</script>\n";

static handshake refuse(char *answer, const request *one, const char *status, const char *more, const char *body) {
  bool bare = strcmp(one->method, "HEAD") == 0;
  snprintf(answer, ANSWER, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status, more,
           strlen(body), bare ? "" : body);
  return REFUSED;
}

static handshake answer_to(const request *one, const options *settings, char *answer) {
  if (strcmp(one->target, "/") == 0)
    return refuse(answer, one, "200 OK", "Content-Type: text/html; charset=utf-8\r\n", page);
  if (strcmp(one->target, "/ws") != 0) return refuse(answer, one, "404 Not Found", "", "the room is at /ws\n");
  if (is_foreign(one, settings)) return refuse(answer, one, "403 Forbidden", "", "this origin is not allowed\n");
  bool asks = has_token(one->connection, "upgrade") && has_token(one->upgrade, "websocket");
  if (strcmp(one->method, "GET") != 0 || !one->http11 || !asks)
    return refuse(answer, one, "426 Upgrade Required", "Upgrade: websocket\r\n", "this path speaks WebSocket\n");
  if (strcmp(one->version, "13") != 0)
    return refuse(answer, one, "426 Upgrade Required", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", "13\n");
  if (!is_key(one->key)) return refuse(answer, one, "400 Bad Request", "", "a key of 16 bytes is missing\n");
  char accept[29];
  accept_for(one->key, accept);
  snprintf(answer, ANSWER,
           "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: %s\r\n\r\n",
           accept);
  return UPGRADED;
}

handshake shake(const bytes *head, size_t looked, const options *settings, size_t *end, char *answer) {
  request one = {0};
  const char *text = (const char *)head->data;
  size_t from = looked > 3 ? looked - 3 : 0;
  const char *stop = memmem(text + from, head->used - from, "\r\n\r\n", 4);
  *end = stop ? (size_t)(stop + 4 - text) : head->used;
  /* What no method begins with is no HTTP, such as TLS or a frame: it is not waited for. */
  if (!isalpha((unsigned char)*text)) return refuse(answer, &one, "400 Bad Request", "", "this is no HTTP request\n");
  if (*end > MAX_HEAD) return refuse(answer, &one, "431 Request Header Fields Too Large", "", "16384 bytes at most\n");
  if (!stop) return INCOMPLETE;
  if (!read_head(&one, text, *end - 2)) return refuse(answer, &one, "400 Bad Request", "", "this is no HTTP request\n");
  return answer_to(&one, settings, answer);
}

/*
 * chat/ws: each text message goes to all others as "[ip:port]: ", the message and a newline, framed once. Frames by
 * RFC 6455 5 to 8.
 */
#include "peer.h"
#include <stdio.h>
#include <string.h>

enum {
  MAX_MESSAGE = 65536,
  MAX_HEADER = 14,
  HANDSHAKE_SECONDS = 5,
  FIN = 0x80,
  MASKED = 0x80,
};
enum { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

static const options *settings;

typedef struct {
  int first, opcode;
  bool masked;
  uint64_t payload;
  size_t bytes; /* of the header; 0 while it is incomplete */
} header;

static header read_header(const unsigned char *at, size_t count) {
  header one = {0};
  if (count < 2) return one;
  one.first = at[0];
  one.opcode = at[0] & 15;
  one.masked = at[1] & MASKED;
  one.payload = at[1] & 127;
  size_t extra = one.payload == 126 ? 2 : one.payload == 127 ? 8 : 0, bytes = 2 + extra + (one.masked ? 4 : 0);
  if (count < bytes) return one;
  if (extra) one.payload = 0;
  for (size_t i = 0; i < extra; i++) one.payload = one.payload << 8 | at[2 + i];
  one.bytes = bytes;
  return one;
}

static size_t write_header(unsigned char *at, int opcode, size_t payload) {
  at[0] = FIN | opcode;
  at[1] = payload < 126 ? payload : payload < 65536 ? 126 : 127;
  size_t extra = payload < 126 ? 0 : payload < 65536 ? 2 : 8;
  for (size_t i = 0; i < extra; i++) at[2 + i] = (uint64_t)payload >> 8 * (extra - 1 - i);
  return 2 + extra;
}

/* At most 125 bytes. */
static size_t control_frame(unsigned char *frame, int opcode, const void *payload, size_t count) {
  size_t bytes = write_header(frame, opcode, count);
  memcpy(frame + bytes, payload, count);
  return bytes + count;
}

static void end(connection *one, int code, const char *reason) {
  unsigned char payload[125] = {code >> 8, code}, frame[2 + sizeof payload];
  size_t count = 2 + snprintf((char *)payload + 2, sizeof payload - 2, "%s", reason);
  finish(one, frame, control_frame(frame, CLOSE, payload, code ? count : 0));
}

static bool is_utf8(const unsigned char *at, size_t count) {
  const unsigned char *stop = at + count;
  while (at < stop) {
    uint64_t eight;
    if (stop - at >= 8 && (memcpy(&eight, at, 8), !(eight & 0x8080808080808080))) {
      at += 8;
      continue;
    }
    unsigned char first = *at++;
    if (first < 0x80) continue;
    int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || stop - at < more) return false;
    /* Overlong forms, surrogates, and what is beyond U+10FFFF (RFC 3629 4). */
    if ((first == 0xe0 && *at < 0xa0) || (first == 0xed && *at > 0x9f)) return false;
    if ((first == 0xf0 && *at < 0x90) || (first == 0xf4 && *at > 0x8f)) return false;
    while (more-- > 0)
      if ((*at++ & 0xc0) != 0x80) return false;
  }
  return true;
}

/* What a header alone tells: a frame that may not be is not waited for. */
static const char *fault_of(const connection *one, const header *frame, const unsigned char *at) {
  static const int known = 1 << CONTINUATION | 1 << TEXT | 1 << BINARY | 1 << CLOSE | 1 << PING | 1 << PONG;
  if (frame->first & 0x70) return "reserved bits mean nothing here";
  if (!(known >> frame->opcode & 1)) return "this opcode means nothing";
  if (!frame->masked) return "a client masks its frames";
  if ((at[1] & 127) == 126 && frame->payload < 126) return "a length takes as few bytes as it can";
  if ((at[1] & 127) == 127 && (frame->payload < 65536 || frame->payload >> 63)) return "this is no length";
  if (frame->opcode >= CLOSE) {
    if (!(frame->first & FIN)) return "a control frame is no fragment";
    return frame->payload > 125 ? "a control frame has at most 125 bytes" : NULL;
  }
  if (frame->opcode == CONTINUATION && !one->opcode) return "there is nothing to continue";
  if (frame->opcode != CONTINUATION && one->opcode) return "the message before has no end";
  return NULL;
}

static void hear_message(connection *author, int opcode, const unsigned char *text, size_t count) {
  unsigned char head[MAX_HEADER];
  if (opcode == BINARY) return end(author, 1003, "text messages only");
  if (!is_utf8(text, count)) return end(author, 1007, "text is UTF-8");
  size_t payload = author->prefix_bytes + count + 1, head_bytes = write_header(head, TEXT, payload);
  size_t from = begin(head_bytes + payload);
  put(head, head_bytes);
  put(author->prefix, author->prefix_bytes);
  put(text, count);
  put("\n", 1);
  skip(author, from);
}

/* RFC 6455 5.5.1, 7.4. */
static void hear_close(connection *one, const unsigned char *payload, size_t count) {
  if (count == 0) return end(one, 0, "");
  int code = count > 1 ? payload[0] << 8 | payload[1] : 0;
  bool may = (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);
  if (!may) return end(one, 1002, "no code that may be sent");
  if (!is_utf8(payload + 2, count - 2)) return end(one, 1007, "text is UTF-8");
  end(one, code, "");
}

static void hear_frame(connection *one, const header *frame, const unsigned char *payload, size_t count) {
  unsigned char pong[2 + 125];
  if (frame->opcode == CLOSE) return hear_close(one, payload, count);
  if (frame->opcode == PING) return say_to(one, pong, control_frame(pong, PONG, payload, count));
  if (frame->opcode == PONG) return;
  if (frame->first & FIN && !one->opcode) return hear_message(one, frame->opcode, payload, count);
  if (!one->opcode) one->opcode = frame->opcode;
  append(&one->message, payload, count);
  if (!(frame->first & FIN)) return;
  hear_message(one, one->opcode, one->message.data, one->message.used);
  one->opcode = 0;
  one->message.used = 0;
}

static void unmask(unsigned char *at, size_t count, const unsigned char key[4]) {
  uint64_t eight, mask;
  memcpy(&mask, key, 4);
  memcpy((char *)&mask + 4, key, 4);
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    memcpy(&eight, at + i, 8);
    eight ^= mask;
    memcpy(at + i, &eight, 8);
  }
  for (; i < count; i++) at[i] ^= key[i & 3];
}

/* Hears the whole frames and returns where the rest begins. */
static size_t hear_frames(connection *one, unsigned char *chunk, size_t count) {
  size_t from = 0;
  while (one->member) {
    unsigned char *at = chunk + from;
    header frame = read_header(at, count - from);
    if (!frame.bytes) break;
    const char *fault = fault_of(one, &frame, at);
    bool data = frame.opcode < CLOSE;
    if (fault) end(one, 1002, fault);
    else if (data && one->message.used + frame.payload > MAX_MESSAGE) end(one, 1009, "a message has at most 65536 bytes");
    else if (count - from < frame.bytes + frame.payload) break;
    else {
      unmask(at + frame.bytes, frame.payload, at + frame.bytes - 4);
      hear_frame(one, &frame, at + frame.bytes, frame.payload);
      from += frame.bytes + frame.payload;
    }
  }
  return from;
}

static void take_unread(connection *one, size_t count) {
  memmove(one->unread.data, one->unread.data + count, one->unread.used -= count);
}

static bool open_socket(connection *one, size_t looked) {
  char answer[ANSWER];
  size_t stop;
  handshake result = shake(&one->unread, looked, settings, &stop, answer);
  if (result == REFUSED) finish(one, answer, strlen(answer));
  if (result != UPGRADED) return false;
  take_unread(one, stop);
  one->open = true;
  one->pinged_at = loop_now();
  say_to(one, answer, strlen(answer));
  if (!one->finished) join_room(one);
  return true;
}

static void heard(connection *one, unsigned char *chunk, size_t count) {
  size_t looked = one->unread.used;
  bool direct = one->open && looked == 0;
  if (!direct) append(&one->unread, chunk, count);
  if (!one->open && !open_socket(one, looked)) return;
  size_t taken = direct ? hear_frames(one, chunk, count) : hear_frames(one, one->unread.data, one->unread.used);
  if (one->finished) return;
  if (direct) append(&one->unread, chunk + taken, count - taken);
  else take_unread(one, taken);
}

static void opened(connection *one) {
  one->prefix_bytes = snprintf((char *)one->prefix, sizeof one->prefix, "[%s]: ", one->address);
  one->deadline = loop_now() + HANDSHAKE_SECONDS;
}

static void idle(connection *one) {
  unsigned char ping[2];
  if (one->finished) return;
  if (!one->open && loop_now() > one->deadline) reset(one);
  else if (!one->open) return;
  else if (loop_now() - one->heard_at > settings->idle_timeout) end(one, 1008, "nothing came for too long");
  else if (loop_now() - one->pinged_at >= settings->ping_interval) {
    one->pinged_at = loop_now();
    say_to(one, ping, control_frame(ping, PING, "", 0));
  }
}

static void evict(connection *one) { end(one, 1008, "too slow"); }

void serve_ws(int fd, const options *own) {
  static const room_protocol chat_ws = {.opened = opened, .heard = heard, .evict = evict, .idle = idle};
  settings = own;
  serve_room(fd, &chat_ws);
}

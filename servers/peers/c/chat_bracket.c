/* chat/bracket: each line goes to all others as "[ip:port]: " and the line; the operator's console speaks too. */
#include "peer.h"
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { MAX_LINE = 65536 };

static const char too_long[] = "[Server]: line too long\n";
static const char console_prefix[] = "[Server]: ";

static void opened(connection *one) {
  one->prefix_bytes = snprintf((char *)one->prefix, sizeof one->prefix, "[%s]: ", one->address);
  join_room(one);
}

/* A line with its newline. */
static void say(connection *author, const unsigned char *line, size_t count) {
  size_t from = begin(author->prefix_bytes + count);
  put(author->prefix, author->prefix_bytes);
  put(line, count);
  if (author->member) skip(author, from);
}

/* Hands each whole line to `say` and keeps the rest; false when a line is too long. */
static bool split_lines(connection *author, const unsigned char *chunk, size_t count) {
  for (size_t from = 0; from < count && author->source.fd >= 0;) {
    const unsigned char *newline = memchr(chunk + from, '\n', count - from);
    size_t to = newline ? (size_t)(newline - chunk) + 1 : count;
    if (author->unread.used + (to - from) > MAX_LINE + (newline != NULL)) return false;
    if (newline && author->unread.used == 0) say(author, chunk + from, to - from);
    else {
      append(&author->unread, chunk + from, to - from);
      if (newline) {
        say(author, author->unread.data, author->unread.used);
        author->unread.used = 0;
      }
    }
    from = to;
  }
  return true;
}

static void heard(connection *one, unsigned char *chunk, size_t count) {
  if (!split_lines(one, chunk, count)) finish(one, too_long, sizeof too_long - 1);
}

/* The console is a connection of which only the reading half is used. Its end is the end of the console only. */
static void console_ready(source *self, uint32_t events) {
  (void)events;
  static unsigned char buffer[4096];
  ssize_t count = read(self->fd, buffer, sizeof buffer);
  if (count > 0 && split_lines((connection *)self, buffer, count)) return;
  if (count > 0) fprintf(stderr, "console: a line of more than %d bytes; the console ends\n", MAX_LINE);
  loop_forget(self);
  self->fd = -1;
}

static const room_protocol chat_bracket = {.opened = opened, .heard = heard, .evict = reset};

void serve_bracket(int fd, const options *settings) {
  (void)settings;
  static connection console = {.source = {console_ready, STDIN_FILENO}, .prefix_bytes = sizeof console_prefix - 1};
  memcpy(console.prefix, console_prefix, console.prefix_bytes);
  loop_watch(&console.source, EPOLLIN); /* not of a file: it is at its end before anybody is here */
  serve_room(fd, &chat_bracket);
}

/* The event loop: epoll(7), level-triggered. */
#include "peer.h"
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

enum { EVENTS = 1024, SWEEP_MS = 100 };

static int queue = -1;
static double now;

static double clock_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static int control(int operation, source *one, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = one};
  if (queue < 0) queue = epoll_create1(EPOLL_CLOEXEC);
  return epoll_ctl(queue, operation, one->fd, &event);
}

bool loop_watch(source *one, uint32_t events) { return control(EPOLL_CTL_ADD, one, events) == 0; }
void loop_change(source *one, uint32_t events) { control(EPOLL_CTL_MOD, one, events); }
void loop_forget(source *one) { control(EPOLL_CTL_DEL, one, 0); }
double loop_now(void) { return now; }

void loop_run(void (*turn)(void), void (*sweep)(void)) {
  static struct epoll_event events[EVENTS];
  double swept = 0;
  for (;;) {
    int count = epoll_wait(queue, events, EVENTS, SWEEP_MS);
    now = clock_seconds();
    for (int i = 0; i < count; i++) {
      source *one = events[i].data.ptr;
      if (one->fd >= 0) one->ready(one, events[i].events); /* an earlier event of this turn may have closed it */
    }
    turn();
    if (now - swept < SWEEP_MS / 1e3) continue;
    swept = now;
    sweep();
  }
}

/* Some protocols of sockbench in C, as the limit to compare with: one program, the protocol is the first argument. */
#include "peer.h"
#include <stdio.h>
#include <string.h>

static const protocol protocols[] = {
    {.name = "chat/bracket", .scheme = "tcp", .path = "", .port = 8080, .flags = "", .serve = serve_bracket},
    {.name = "chat/ws", .scheme = "ws", .path = "/ws", .port = 8080, .serve = serve_ws,
     .flags = " --ping-interval --idle-timeout --allow-origin", .defaults = {.ping_interval = 54, .idle_timeout = 60}},
    {.name = "relay", .scheme = "udp", .path = "", .port = 8081, .serve = serve_relay,
     .flags = " --oversize --forget-after", .defaults = {.forget_after = 60}},
};

static void list(FILE *to) {
  fprintf(to, "usage: peer <protocol> [--port N] [--host H] [--json] [options]; protocols:");
  for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
    fprintf(to, " %s%s", protocols[i].name, protocols[i].flags);
  fprintf(to, "\n");
}

int main(int count, char **arguments) {
  for (size_t i = 0; count > 1 && i < sizeof protocols / sizeof *protocols; i++)
    if (strcmp(arguments[1], protocols[i].name) == 0) return run(&protocols[i], count - 2, arguments + 2);
  bool help = count > 1 && (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0);
  list(help ? stdout : stderr);
  return help ? 0 : EXIT_USAGE;
}

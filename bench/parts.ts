/** What the one executable has beside its commands: programs and modules, one line each. */
import type { ServerSpec } from "../servers/standalone.ts";

/**
 * Programs that are processes of their own (platform/own.ts), by their files, as seen from the project's folder: servers
 * export by default what they are, a fleet and the yardstick run by themselves.
 */
export const parts: Readonly<Record<string, () => Promise<{ default?: ServerSpec }>>> = {
  "clients/fleet.ts": () => import("../clients/fleet.ts"),
  "servers/tcp-chat.ts": () => import("../servers/tcp-chat.ts"),
  "servers/udp-relay.ts": () => import("../servers/udp-relay.ts"),
  "servers/ws-chat.ts": () => import("../servers/ws-chat.ts"),
  "servers/tcp-sum.ts": () => import("../servers/tcp-sum.ts"),
  "servers/udp-sum.ts": () => import("../servers/udp-sum.ts"),
  "servers/ws-sum.ts": () => import("../servers/ws-sum.ts"),
  "servers/tcp-echo.ts": () => import("../servers/tcp-echo.ts"),
  "servers/tcp-file.ts": () => import("../servers/tcp-file.ts"),
  "servers/foreign/stomp.ts": () => import("../servers/foreign/stomp.ts"),
  "servers/foreign/http.ts": () => import("../servers/foreign/http.ts"),
  "servers/known/burner.ts": () => import("../servers/known/burner.ts"),
  "servers/known/chat.ts": () => import("../servers/known/chat.ts"),
  "servers/known/cutter.ts": () => import("../servers/known/cutter.ts"),
  "servers/known/delay.ts": () => import("../servers/known/delay.ts"),
  "servers/known/hoarder.ts": () => import("../servers/known/hoarder.ts"),
  "servers/known/loser.ts": () => import("../servers/known/loser.ts"),
  "servers/known/slow-last.ts": () => import("../servers/known/slow-last.ts"),
  "servers/known/slow-tail.ts": () => import("../servers/known/slow-tail.ts"),
  "servers/yardstick/tcp.ts": () =>
    import("../servers/yardstick/tcp.ts") as Promise<{ default?: ServerSpec }>,
  "servers/yardstick/udp.ts": () =>
    import("../servers/yardstick/udp.ts") as Promise<{ default?: ServerSpec }>,
  "servers/yardstick/ws.ts": () => import("../servers/yardstick/ws.ts") as Promise<{ default?: ServerSpec }>,
  "servers/mutants/chat-slow.ts": () => import("../servers/mutants/chat-slow.ts"),
  "servers/mutants/chat-unbatched.ts": () => import("../servers/mutants/chat-unbatched.ts"),
  "bench/scenarios/raw-copy.ts": () => import("./scenarios/raw-copy.ts"),
};

/** What a file of the user's can import by name: the exports of package.json. */
export const modules: Readonly<Record<string, () => Promise<Record<string, unknown>>>> = {
  sockbench: () => import("../index.ts"),
  "sockbench/protocol": () => import("../protocol.ts"),
};

/** All reference servers: the protocols of docs/protocols.md in its order, one line a protocol. */
import type { ServerSpec } from "./standalone.ts";
import { dialectServer } from "./tcp-chat.ts";
import { echoServer } from "./tcp-echo.ts";
import { fileServer } from "./tcp-file.ts";
import { tcpSumServer } from "./tcp-sum.ts";
import { relayServer } from "./udp-relay.ts";
import { udpSumServer } from "./udp-sum.ts";
import { chatWsServer, hubServer } from "./ws-chat.ts";
import { sumServer } from "./ws-sum.ts";

export type CatalogueEntry = {
  transport: "TCP" | "UDP" | "WebSocket";
  /** The program that serves it when it is started by itself, in this folder, and what it needs for that. */
  file: string;
  flags: readonly string[];
  spec: ServerSpec;
};

const entry = (
  transport: CatalogueEntry["transport"],
  file: string,
  spec: ServerSpec,
  flags: readonly string[] = [],
): CatalogueEntry => ({ transport, file, flags, spec });

const dialect = (name: Parameters<typeof dialectServer>[0]) =>
  entry("TCP", "tcp-chat.ts", dialectServer(name), ["--dialect", name]);

export const servers = {
  "chat/bracket": dialect("chat/bracket"),
  "chat/welcome": dialect("chat/welcome"),
  "chat/stamped": dialect("chat/stamped"),
  "chat/json": dialect("chat/json"),
  relay: entry("UDP", "udp-relay.ts", relayServer),
  "chat/ws": entry("WebSocket", "ws-chat.ts", chatWsServer),
  hub: entry("WebSocket", "ws-chat.ts", hubServer, ["--ping-interval", "2", "--idle-timeout", "5"]),
  "sum/tcp": entry("TCP", "tcp-sum.ts", tcpSumServer),
  "sum/udp": entry("UDP", "udp-sum.ts", udpSumServer),
  "sum/ws": entry("WebSocket", "ws-sum.ts", sumServer),
  echo: entry("TCP", "tcp-echo.ts", echoServer),
  file: entry("TCP", "tcp-file.ts", fileServer),
} as const satisfies Record<string, CatalogueEntry>;

export type ServerName = keyof typeof servers;
export const serverNames = Object.keys(servers) as ServerName[];

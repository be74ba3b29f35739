/** All reference servers: the protocols of docs/protocols.md in its order, one line a protocol. */
import { type DialectName, dialectNames } from "../protocols/chat.ts";
import { type Protocol, protocolOf } from "../protocols/index.ts";
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
  protocol: Protocol;
  /** The program that serves it when it is started by itself, in this folder, and what it needs for that. */
  file: string;
  flags: readonly string[];
  spec: ServerSpec;
};

const entry = (
  protocol: string,
  file: string,
  spec: ServerSpec,
  flags: readonly string[] = [],
): CatalogueEntry => ({ protocol: protocolOf(protocol), file, flags, spec });

const chat = (name: DialectName) => entry(name, "tcp-chat.ts", dialectServer(name), ["--dialect", name]);

/** By the name that `serve` takes: the protocol's own, but for a second server of chat/ws. */
export const servers: Readonly<Record<string, CatalogueEntry>> = {
  ...Object.fromEntries(dialectNames.map((name) => [name, chat(name)])),
  relay: entry("relay", "udp-relay.ts", relayServer),
  "chat/ws": entry("chat/ws", "ws-chat.ts", chatWsServer),
  hub: entry("chat/ws", "ws-chat.ts", hubServer, ["--ping-interval", "2", "--idle-timeout", "5"]),
  "sum/tcp": entry("sum/tcp", "tcp-sum.ts", tcpSumServer),
  "sum/udp": entry("sum/udp", "udp-sum.ts", udpSumServer),
  "sum/ws": entry("sum/ws", "ws-sum.ts", sumServer),
  echo: entry("echo", "tcp-echo.ts", echoServer),
  file: entry("file", "tcp-file.ts", fileServer),
};

export const serverNames = Object.keys(servers);

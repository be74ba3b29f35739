/**
 * The table of all protocols: their sections, in order, and a well-behaved client. A new
 * section is one file and one name here; a new protocol is one more entry.
 */
import { type DialectName, dialectNames } from "../protocols/chat.ts";
import type { Case } from "./case.ts";
import { framing } from "./chat/1-framing.ts";
import { audience } from "./chat/2-audience.ts";
import { limits } from "./chat/3-limits.ts";
import { liveness } from "./chat/4-liveness.ts";
import { endurance } from "./chat/6-endurance.ts";
import { chatServes, inDialect, slugOf } from "./chat/room.ts";
import { bracketOwn } from "./chat-bracket/5-own.ts";
import { jsonOwn } from "./chat-json/5-own.ts";
import { stampedOwn } from "./chat-stamped/5-own.ts";
import { welcomeOwn } from "./chat-welcome/5-own.ts";
import { messages } from "./chat-ws/1-messages.ts";
import { page } from "./chat-ws/3-page.ts";
import { wsEndurance } from "./chat-ws/4-endurance.ts";
import { chatWsServes, wsCases } from "./chat-ws/room.ts";
import type { Context } from "./context.ts";
import { echo, pingServes } from "./echo/1-pings.ts";
import { tcpFacts } from "./facts/1-tcp.ts";
import { udpFacts } from "./facts/2-udp.ts";
import { facts } from "./facts/loopback.ts";
import { fileTransfers } from "./file/1-transfers.ts";
import { refusals } from "./file/2-refusals.ts";
import { fileCases, fileServes } from "./file/transfers.ts";
import { hubRules } from "./hub/1-liveness.ts";
import { relaying } from "./relay/1-relaying.ts";
import { payload } from "./relay/2-payload.ts";
import { relayLiveness } from "./relay/3-liveness.ts";
import { relayCases, relayServes } from "./relay/peers.ts";
import { handshake } from "./rfc6455/1-handshake.ts";
import { base } from "./rfc6455/2-framing.ts";
import { fragments } from "./rfc6455/3-fragments.ts";
import { control } from "./rfc6455/4-control.ts";
import { reserved } from "./rfc6455/5-reserved.ts";
import { utf8 } from "./rfc6455/7-utf8.ts";
import { closes } from "./rfc6455/8-close.ts";
import { bounds } from "./rfc6455/9-bounds.ts";
import { echoServes, overEcho } from "./rfc6455/rules.ts";
import { sumTcp, sumTcpServes } from "./sum/tcp.ts";
import { sumUdp, sumUdpServes } from "./sum/udp.ts";
import { sumWs, sumWsServes } from "./sum/ws.ts";

export type Protocol = {
  /** The first part of its cases' ids. */
  slug: string;
  /** Its name in the protocol sheet. */
  name: string;
  /** The name of the servers that speak it, ours and the peers', where it differs. */
  peer?: string;
  transport: "tcp" | "udp" | "ws" | "none";
  /** The path that cases use on our own server, where it is not the one that the server announces. */
  path?: string;
  /** It writes files: each server gets a directory of its own. */
  files?: boolean;
  cases: readonly Case[];
  health: (t: Context) => Promise<void>;
};

const own: Record<DialectName, readonly Case[]> = {
  "chat/bracket": bracketOwn,
  "chat/welcome": welcomeOwn,
  "chat/stamped": stampedOwn,
  "chat/json": jsonOwn,
};

const chatProtocol = (name: DialectName): Protocol => ({
  slug: slugOf(name),
  name,
  transport: "tcp",
  cases: [
    ...[framing, audience, limits, liveness].flatMap((rules) => inDialect(name, rules)),
    ...own[name],
    ...inDialect(name, endurance),
  ],
  health: chatServes(name),
});

export const protocols: readonly Protocol[] = [
  ...dialectNames.map(chatProtocol),
  {
    slug: "relay",
    name: "relay",
    transport: "udp",
    cases: relayCases([...relaying, ...payload, ...relayLiveness]),
    health: relayServes,
  },
  {
    slug: "chat-ws",
    name: "chat/ws",
    transport: "ws",
    cases: wsCases("chat-ws", [...messages, ...page, ...wsEndurance]),
    health: chatWsServes,
  },
  {
    slug: "hub",
    name: "hub",
    peer: "chat/ws",
    transport: "ws",
    cases: wsCases("hub", hubRules),
    health: chatWsServes,
  },
  {
    slug: "sum-ws",
    name: "sum/ws",
    transport: "ws",
    cases: sumWs,
    health: sumWsServes,
  },
  {
    slug: "sum-tcp",
    name: "sum/tcp",
    transport: "tcp",
    cases: sumTcp,
    health: sumTcpServes,
  },
  {
    slug: "sum-udp",
    name: "sum/udp",
    transport: "udp",
    cases: sumUdp,
    health: sumUdpServes,
  },
  {
    slug: "echo",
    name: "echo",
    transport: "tcp",
    cases: echo,
    health: pingServes,
  },
  {
    slug: "file",
    name: "file",
    transport: "tcp",
    files: true,
    cases: fileCases([...fileTransfers, ...refusals]),
    health: fileServes,
  },
  {
    slug: "rfc6455",
    name: "RFC 6455",
    peer: "sum/ws",
    transport: "ws",
    path: "/echo",
    cases: [
      ...handshake,
      ...overEcho([...base, ...fragments, ...control, ...reserved, ...utf8, ...closes, ...bounds]),
    ],
    health: echoServes,
  },
  {
    slug: "facts",
    name: "socket facts",
    transport: "none",
    cases: facts([...tcpFacts, ...udpFacts]),
    health: async () => {},
  },
];

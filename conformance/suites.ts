/**
 * The table of all protocols: their sections, in order, and a well-behaved client. A new
 * section is one file and one name here; a new protocol is one more entry.
 */

import { exitCodes, Failure } from "../platform/failure.ts";
import { type DialectName, dialectNames } from "../protocols/chat.ts";
import { allProtocols, type Protocol, protocolOf } from "../protocols/index.ts";
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
import { casesOf, serves } from "./generic/suite.ts";
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

/** The cases that judge servers of one protocol, under one first part of their ids. */
export type Suite = {
  /** The first part of its cases' ids. */
  slug: string;
  /** What it is called: the protocol's name, or that of another document. */
  name: string;
  /** What its servers speak; none where the platform itself is looked at. */
  protocol?: Protocol;
  /** The path that cases use on our own server, where it is not the one that the server announces. */
  path?: string;
  cases: readonly Case[];
  health: (t: Context) => Promise<void>;
};

/** A protocol that has no cases of its own gets those that follow from its definition. */
function genericSuite(protocol: Protocol): Suite {
  const { name } = protocol;
  const slug = slugOf(name);
  const other = suites.find((one) => one.slug === slug);
  if (other)
    throw new Failure(
      exitCodes.usage,
      `protocol ${name}: its cases would have the ids of those of ${other.name}: give it another name`,
    );
  return { slug, name, protocol, cases: casesOf(protocol, slug), health: serves(protocol) };
}

/** The suites of the table, and those of protocols that have nothing but their definition. */
export const allSuites = (): Suite[] => [
  ...suites,
  ...allProtocols()
    .filter(
      ({ name, room, requests }) =>
        (room ?? requests) && !suites.some(({ protocol }) => protocol?.name === name),
    )
    .map(genericSuite),
];

/** Cases of a protocol under its own name. */
const suite = (name: string, cases: readonly Case[], health: Suite["health"]): Suite => ({
  slug: slugOf(name),
  name,
  protocol: protocolOf(name),
  cases,
  health,
});

/** What only one dialect promises. */
const own: Partial<Record<DialectName, readonly Case[]>> = {
  "chat/bracket": bracketOwn,
  "chat/welcome": welcomeOwn,
  "chat/stamped": stampedOwn,
  "chat/json": jsonOwn,
};

const chatSuite = (name: DialectName): Suite =>
  suite(
    name,
    [
      ...[framing, audience, limits, liveness].flatMap((rules) => inDialect(name, rules)),
      ...(own[name] ?? []),
      ...inDialect(name, endurance),
    ],
    chatServes(name),
  );

const rfc6455 = [
  ...handshake,
  ...overEcho([...base, ...fragments, ...control, ...reserved, ...utf8, ...closes, ...bounds]),
];

export const suites: readonly Suite[] = [
  ...dialectNames.map(chatSuite),
  suite("relay", relayCases([...relaying, ...payload, ...relayLiveness]), relayServes),
  suite("chat/ws", wsCases("chat-ws", [...messages, ...page, ...wsEndurance]), chatWsServes),
  { ...suite("chat/ws", wsCases("hub", hubRules), chatWsServes), slug: "hub", name: "hub" },
  suite("sum/ws", sumWs, sumWsServes),
  suite("sum/tcp", sumTcp, sumTcpServes),
  suite("sum/udp", sumUdp, sumUdpServes),
  suite("echo", echo, pingServes),
  suite("file", fileCases([...fileTransfers, ...refusals]), fileServes),
  { ...suite("sum/ws", rfc6455, echoServes), slug: "rfc6455", name: "RFC 6455", path: "/echo" },
  {
    slug: "facts",
    name: "socket facts",
    cases: facts([...tcpFacts, ...udpFacts]),
    health: async () => {},
  },
];

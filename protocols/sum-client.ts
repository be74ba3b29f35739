/**
 * The sum protocols from the client's side: requests over each transport with the bytes of their right replies, and
 * what is asked to see whether a server finds its requests in a stream.
 */
import { defineProtocol } from "./define.ts";
import type { PooledRequests } from "./definition.ts";
import { datagram, lines, unbounded, wsMessage } from "./framing.ts";
import type { Dialogue, Exchanged } from "./protocol.ts";
import { edgeOperands, expectedReply, MAX_REQUEST_BYTES, request, SUM_PORT, SUM_WS_PORT } from "./sum.ts";

/** Operands of all sizes up to 62 bits, so that no sum leaves the 64-bit range. */
function randomOperand(random: () => number): bigint {
  const bits = 1 + Math.floor(random() * 62);
  const high = BigInt(Math.floor(random() * 0x8000_0000));
  const low = BigInt(Math.floor(random() * 0x1_0000_0000));
  const value = ((high << 32n) | low) & ((1n << BigInt(bits)) - 1n);
  return random() < 0.5 ? -value : value;
}

/** @param named whether requests have an `Id`, which their replies repeat */
const sums = (named: boolean): PooledRequests => ({
  byId: named,
  at(place, id, random) {
    const [a, b] = edgeOperands[place] ?? [randomOperand(random), randomOperand(random)];
    const own = named ? id : undefined;
    const reply = expectedReply(a, b, own);
    if (reply === undefined) return undefined;
    const text = request(a, b, own);
    return { text, ask: text, answer: reply };
  },
});

const exchanged = (name: string, request: string, reply: string): Exchanged => ({
  name,
  request: Buffer.from(request),
  reply: Buffer.from(`${reply}\n`),
});

/** White space that JSON allows (RFC 8259 2): a newline behind an object is what Go's and Python's encoders write. */
const spaced: readonly (readonly [name: string, write: (a: string, b: string) => string])[] = [
  ["a newline behind it", (a, b) => `{"A":${a},"B":${b}}\n`],
  ["spaces inside", (a, b) => `{ "A" : ${a} , "B" : ${b} }`],
  ["tabs and line ends inside", (a, b) => `{\r\n\t"A": ${a},\r\n\t"B": ${b}\r\n}`],
  ["B before A", (a, b) => `{"B":${b},"A":${a}}`],
  [
    "as long as a request may be",
    (a, b) => `{"A":${a},${`"B":${b}}`.padStart(MAX_REQUEST_BYTES - 6 - a.length)}`,
  ],
];

const between = ["", "", "", " ", "\n", "\r\n\t "];

const dialogue: Dialogue = {
  corpus: [
    ...edgeOperands.map(([a, b]) => exchanged(`${a} + ${b}`, request(a, b), expectedReply(a, b)!)),
    ...spaced.map(([name, write]) => exchanged(name, write("7", "-4"), expectedReply(7n, -4n)!)),
  ],
  random: (random) => () => {
    const [a, b] = [randomOperand(random), randomOperand(random)];
    const text = request(a, b);
    return exchanged(text, text + between[Math.floor(random() * between.length)], expectedReply(a, b)!);
  },
};

export const sumTcp = defineProtocol({
  name: "sum/tcp",
  port: SUM_PORT,
  framing: lines(),
  sends: unbounded(),
  request: sums(false),
  dialogue,
});

/** Datagrams may come in any order or not at all: only an Id tells which request a reply is for. */
export const sumUdp = defineProtocol({
  name: "sum/udp",
  port: SUM_PORT,
  framing: datagram(),
  request: sums(true),
});

export const sumWs = defineProtocol({
  name: "sum/ws",
  port: SUM_WS_PORT,
  path: "/add",
  primary: true,
  framing: wsMessage(),
  request: sums(false),
});

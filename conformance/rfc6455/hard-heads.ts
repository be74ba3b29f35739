/**
 * Request heads that are slow to parse: patterns that backtrack need seconds, minutes or years for them, and delay all
 * other clients (ReDoS, CWE-1333). Whether they are rejected does not matter.
 */
import { createKey, handshakeRequest, opcodes } from "../../protocols/websocket.ts";
import type { Case } from "../case.ts";
import { type Context, randomKey } from "../context.ts";
import { frame } from "../ws-peer.ts";

/** Below the usual limit of a head, 16 KiB. */
const HARD_BYTES = 15_000;
const many = (text: string) => text.repeat(HARD_BYTES / text.length);

const firstLines = [
  `GET a://${many("b")} X`,
  `GET ${many("/")}`,
  `GET ${many("?")} HTTP/1.1x`,
  `GET ${many(" ")}X HTTP/1.1`,
  `${many("a")} / HTTP/1.1`,
  `GET / HTTP/${many("1")}`,
];

const fields: Record<string, string>[] = [
  { Origin: `http://${many("a")}!` },
  { Origin: `http://${many("a.")}:x` },
  { Host: `${many("a.")}!` },
  { Connection: `${many(", ")}x` },
  { Upgrade: `${many(" ")}x` },
  { "Sec-WebSocket-Key": many("A") },
  { "Sec-WebSocket-Extensions": `x;a="${many("\\\\")}` },
  { "Sec-WebSocket-Protocol": many("a ") },
  { [`X${many(" ")}`]: "y" },
];

/** Complete heads, each to be sent on a connection of its own. */
export function hardHeads({ target: { hostname, port, path } }: Context): string[] {
  const handshake = (extra: Record<string, string> = {}) =>
    handshakeRequest(`${hostname}:${port}`, path, createKey(randomKey()), extra);
  return [
    ...firstLines.map((line) => handshake().replace(/^[^\r]*/, () => line)),
    ...fields.map(handshake),
    handshake().replace("\r\n\r\n", () => `\r\n${many("a")}\r\n\r\n`),
  ];
}

export const hardRequests: Case = {
  id: "rfc6455/1.29",
  title: "requests that are slow to parse",
  requirement: "A request SHOULD NOT delay other connections, whatever its head contains.",
  level: "SHOULD",
  source: "RFC 9110 17.5",
  slow: true,
  ends: "any",
  bound: 30_000,
  async run(t) {
    const alice = await t.ws("alice");
    for (const [i, head] of hardHeads(t).entries()) {
      const guest = await t.tcp(`guest${i}`);
      guest.ignore();
      guest.send(head);
      alice.text(`after head ${i}`);
      await frame(alice, opcodes.text, `after head ${i}`);
      guest.close();
    }
  },
};

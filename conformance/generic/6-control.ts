/** Control units between and within messages, and connections that are kept. */

import { masked } from "../../protocols/framing.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import { CLIENT_MASK, encodeFrame, FIN, opcodeOf, opcodes } from "../../protocols/websocket.ts";
import { Unsupported } from "../violation.ts";
import { either, type Rule } from "./rule.ts";

/** A message of one masked frame, as two fragments with a ping between (RFC 6455 5.4, 5.5.2). */
function withPing({ sends }: Protocol, unit: Uint8Array): Buffer {
  const payload = masked(unit.subarray(...sends.payload(unit, 0, unit.length)), CLIENT_MASK);
  const half = Math.floor(payload.length / 2);
  return Buffer.concat([
    encodeFrame(opcodeOf(unit[0]), payload.subarray(0, half), CLIENT_MASK),
    encodeFrame(FIN | opcodes.ping, Buffer.from("between"), CLIENT_MASK),
    encodeFrame(FIN | opcodes.continuation, payload.subarray(half), CLIENT_MASK),
  ]);
}

function needsFragments({ transport }: Protocol): void {
  if (transport !== "ws")
    throw new Unsupported("its units are not sent in parts: no control unit can come within one");
}

export const control: Rule[] = [
  {
    number: "6.1",
    title: "a ping in the middle of a message",
    requirement: "A ping between the fragments of a message MUST NOT become part of it, nor end it.",
    level: "MUST",
    follows: "framing",
    run: either(
      async (room) => {
        needsFragments(room.protocol);
        const [alice] = await room.enter(2);
        const message = room.message(alice);
        alice.speaks.send(withPing(room.protocol, message.said));
        await room.heard(message);
        await room.quiet();
      },
      async (clients) => {
        needsFragments(clients.protocol);
        const alice = await clients.join();
        const one = clients.request(alice);
        clients.begin(alice, one);
        alice.connection.send(withPing(clients.protocol, one.bytes));
        await clients.answered(alice, one);
        await clients.quiet();
      },
    ),
  },
  {
    number: "6.2",
    title: "a connection that is kept",
    requirement: "A connection that is used, and whose control units are answered, MUST be kept.",
    level: "MUST",
    follows: "control",
    times: ["life"],
    slow: true,
    run: either(
      async (room) => {
        room.t.time("life");
        const [alice, bob] = await room.enter(2);
        await room.t.keepBusy((i) => room.tell(i % 2 ? alice : bob));
      },
      async (clients) => {
        clients.t.time("life");
        const alice = await clients.join();
        await clients.t.keepBusy(() => clients.exchange(alice));
      },
    ),
  },
];

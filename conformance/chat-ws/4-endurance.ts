/** A room must withstand age, and requests crafted to be slow to parse. */
import { FIN, opcodes } from "../../protocols/websocket.ts";
import type { Context } from "../context.ts";
import { holds } from "../expect.ts";
import { until } from "../peer.ts";
import { hardHeads } from "../rfc6455/hard-heads.ts";
import { firstFrame, type WsPeer } from "../ws-peer.ts";
import { enter, relayed, type WsRule } from "./room.ts";

/** Discards what was received, but answers pings. */
function answerPings(peer: WsPeer): void {
  for (const { first, payload } of peer.frames().splice(0))
    if (first === (FIN | opcodes.ping)) peer.send(FIN | opcodes.pong, payload);
}

/** Whatever else is received, a message sent now reaches the other client. */
async function hears(t: Context, listener: WsPeer, author: WsPeer, word: string): Promise<void> {
  const at = firstFrame(listener, ({ payload }) => payload.toString() === relayed(author, word));
  author.text(word);
  const heard = await until(listener.tcp, t.timeout, () => at() >= 0 || listener.tcp.ended !== "open");
  const wish = `${listener.name} receives "${word}" of ${author.name}`;
  holds(
    heard && at() >= 0,
    wish,
    listener.tcp.ended === "open" ? "it did not arrive" : "the connection ended",
  );
}

export const wsEndurance: WsRule[] = [
  {
    number: "4.1",
    title: "a long-lived connection",
    requirement: "A connection in use MUST NOT be closed, however old it is.",
    level: "MUST",
    times: ["life"],
    async run(t) {
      const [alice, bob] = await enter(t, 2);
      await t.keepBusy(async (i) => {
        for (const peer of [alice, bob]) {
          answerPings(peer);
          peer.text(`word ${i}`);
        }
      });
      await hears(t, bob, alice, "the last word");
      await hears(t, alice, bob, "the very last");
    },
  },
  {
    number: "4.2",
    title: "a client that only answers pings",
    requirement: "A client that answers pings MUST stay connected, however long it sends nothing else.",
    level: "MUST",
    times: ["life"],
    async run(t) {
      const [alice, bob] = await enter(t, 2);
      await t.keepBusy(async () => [alice, bob].forEach(answerPings));
      await hears(t, bob, alice, "are you still there?");
      await hears(t, alice, bob, "I am");
    },
  },
  {
    number: "4.3",
    title: "requests that are slow to parse",
    requirement: "A request MUST NOT delay the other clients, whatever its head contains.",
    level: "MUST",
    slow: true,
    ends: "any",
    bound: 30_000,
    async run(t) {
      const [alice, bob] = await enter(t, 2);
      for (const [i, head] of hardHeads(t).entries()) {
        const guest = await t.tcp(`guest${i}`);
        guest.ignore();
        guest.send(head);
        await hears(t, bob, alice, `after head ${i}`);
        guest.close();
      }
    },
  },
];

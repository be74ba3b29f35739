/** The hub's rules: dead clients are detected, slow ones evicted with a reason, and no other is affected. */
import { FIN, opcodes } from "../../protocols/websocket.ts";
import { enter, heardBy, join, relayed, type WsRule } from "../chat-ws/room.ts";
import type { Context } from "../context.ts";
import { closed, holds } from "../expect.ts";
import { sleep, until } from "../peer.ts";
import { Violation } from "../violation.ts";
import { closedWith, message, nextFrame, type WsPeer } from "../ws-peer.ts";

const { text, ping, pong, close } = opcodes;
/** More than the kernel holds for a reader that does not read (tcp_wmem is 4 MiB) and the queue of 1 MiB. */
const FLOOD_MESSAGES = 200;
const FLOOD_BYTES = 50_000;
const WINDOW = 8;
const SLOW_READERS = 40;
/** One megabyte: more than some kernels hold, and less than a queue of 1 MiB. */
const PAUSE_MESSAGES = 20;

const words = (i: number) => `${i} `.padEnd(FLOOD_BYTES, "f");

/** Alice sends so much that a client that does not read falls behind; the listener receives all of it. */
async function flood(alice: WsPeer, listener: WsPeer): Promise<void> {
  for (let i = 0; i < WINDOW; i++) alice.text(words(i));
  for (let i = 0; i < FLOOD_MESSAGES; i++) {
    await message(listener, text, relayed(alice, words(i)));
    if (i + WINDOW < FLOOD_MESSAGES) alice.text(words(i + WINDOW));
  }
}

/** A room of two, and others that do not read. */
async function withSlowReaders(t: Context, count: number) {
  const [alice, carol] = await enter(t, 2);
  const slow: WsPeer[] = [];
  for (let i = 0; i < count; i++) slow.push(await join(t, [alice, carol]));
  for (const reader of slow) reader.tcp.stopReading();
  await flood(alice, carol);
  return { alice, carol, slow: slow[0] };
}

/** Answers pings for a while, or not; returns how many there were, as soon as there are enough. */
async function live(
  peer: WsPeer,
  milliseconds: number,
  answers: boolean,
  enough = Number.POSITIVE_INFINITY,
): Promise<number> {
  const deadline = performance.now() + milliseconds;
  let pings = 0;
  while (performance.now() < deadline && peer.tcp.ended === "open" && pings < enough) {
    await until(
      peer.tcp,
      deadline - performance.now(),
      () => peer.frames().length > 0 || peer.tcp.ended !== "open",
    );
    for (const { first, payload } of peer.frames().splice(0)) {
      if (first !== (FIN | ping)) continue;
      pings++;
      if (answers) peer.send(FIN | pong, payload);
    }
  }
  return pings;
}

export const hubRules: WsRule[] = [
  {
    number: "1.1",
    title: "pings",
    requirement: "Every client MUST be pinged repeatedly.",
    level: "MUST",
    times: ["ping", "pong"],
    bound: 200_000,
    async run(t) {
      const [alice, bob] = await enter(t, 2);
      const [first, second] = await Promise.all(
        [alice, bob].map((peer) => live(peer, t.time("ping") * 4 + peer.tcp.timeout, true, 2)),
      );
      holds(
        first >= 2 && second >= 2,
        "at least two pings to each client",
        `received ${first} and ${second}`,
      );
    },
  },
  {
    number: "1.2",
    title: "a client that only answers pings",
    requirement: "A client that answers pings MUST stay connected, however long it sends nothing else.",
    level: "MUST",
    times: ["ping", "pong"],
    bound: 200_000,
    async run(t) {
      const [alice] = await enter(t, 1);
      await live(alice, t.time("pong") * 2.2, true);
      holds(alice.tcp.ended === "open", "the connection stays open", "the server closed it");
    },
  },
  {
    number: "1.3",
    title: "a client that stays silent",
    requirement:
      "A client from which nothing arrives within the idle timeout, not even a pong, MUST be disconnected.",
    level: "MUST",
    times: ["ping", "pong"],
    ends: "any",
    bound: 200_000,
    async run(t) {
      const [alice] = await enter(t, 1);
      alice.tcp.ignore();
      await closed(alice.tcp, "closed", t.time("pong") * 3 + 7000);
    },
  },
  {
    number: "1.4",
    title: "a client that sends but never pongs",
    requirement: "A client that sends messages MUST stay connected, even if it answers no ping.",
    level: "MUST",
    times: ["ping", "pong"],
    bound: 200_000,
    async run(t) {
      const [alice] = await enter(t, 1);
      for (let i = 0; i < 8; i++) {
        await live(alice, t.time("pong") / 3.5, false);
        alice.text(`still here, ${i}`);
      }
      holds(alice.tcp.ended === "open", "the connection stays open", "the server closed it");
    },
  },
  {
    number: "1.5",
    title: "after a dead client",
    requirement: "After a dead client was disconnected, the others MUST still receive each other's messages.",
    level: "MUST",
    times: ["ping", "pong"],
    ends: "any",
    bound: 200_000,
    async run(t) {
      const [dead] = await enter(t, 1);
      dead.tcp.stopReading();
      await sleep(t.time("pong") * 1.5);
      const [alice, bob] = await enter(t, 2);
      alice.text("is it gone?");
      await heardBy([bob], alice, "is it gone?");
    },
  },
  {
    number: "2.1",
    title: "a client that does not read",
    requirement: "A client that does not read MUST NOT delay the others.",
    level: "MUST",
    slow: true,
    ends: "any",
    async run(t) {
      await withSlowReaders(t, 1);
    },
  },
  {
    number: "2.2",
    title: "a slow client is evicted",
    requirement: "A client whose queue is full MUST be disconnected.",
    level: "MUST",
    slow: true,
    ends: "any",
    async run(t) {
      const { slow } = await withSlowReaders(t, 1);
      slow.tcp.read();
      await until(
        slow.tcp,
        8000,
        () => slow.frames().length < 0 || slow.tcp.ended !== "open" || slow.closeCode() !== undefined,
      );
      if (slow.tcp.ended === "open" && slow.closeCode() === undefined)
        throw new Violation("the server disconnects a client that is 10 MB behind", "it is still open");
    },
  },
  {
    number: "2.3",
    title: "the close code of an eviction",
    requirement: "A client whose queue is full MUST be closed with code 1008 and a reason.",
    level: "MUST",
    slow: true,
    ends: "any",
    async run(t) {
      const { slow } = await withSlowReaders(t, 1);
      slow.tcp.read();
      await closedWith(slow, [1008], false, 4000);
      const last = slow.frames().find(({ first }) => (first & 15) === close);
      holds((last?.payload.length ?? 0) > 2, "a reason after the code", "received none");
    },
  },
  {
    number: "2.4",
    title: "no gaps before an eviction",
    requirement: "What a slow client receives before it is closed MUST be in order and without gaps.",
    level: "MUST",
    slow: true,
    ends: "any",
    async run(t) {
      const { alice, slow } = await withSlowReaders(t, 1);
      slow.tcp.read();
      let next = 0;
      for (;;) {
        const frame = await nextFrame(slow, `message ${next} or a close`).catch(() => undefined);
        if (!frame || (frame.first & 15) === close) break;
        const wish = relayed(alice, words(next));
        holds(
          frame.payload.toString() === wish,
          `message ${next} next`,
          `received "${frame.payload.toString("utf8", 0, 40)}…"`,
        );
        next++;
      }
      holds(next > 0, "the queued messages", "received none");
    },
  },
  {
    number: "2.5",
    title: "after an eviction",
    requirement: "After an eviction the others, and clients that join later, MUST still receive messages.",
    level: "MUST",
    slow: true,
    ends: "any",
    async run(t) {
      const { alice, carol, slow } = await withSlowReaders(t, 1);
      slow.tcp.reset();
      await sleep(50);
      const dave = await join(t, [alice, carol]);
      alice.text("back to normal");
      await heardBy([carol, dave], alice, "back to normal");
    },
  },
  {
    number: "2.6",
    title: "a short pause",
    requirement:
      "A client that is behind by less than its queue MUST stay connected and receive every message.",
    level: "MUST",
    async run(t) {
      const [alice, bob] = await enter(t, 2);
      bob.tcp.stopReading();
      for (let i = 0; i < PAUSE_MESSAGES; i++) alice.text(words(i));
      await sleep(100);
      bob.tcp.read();
      for (let i = 0; i < PAUSE_MESSAGES; i++) await message(bob, text, relayed(alice, words(i)));
    },
  },
  {
    number: "2.7",
    title: "40 clients that do not read",
    requirement: "Forty clients that stop reading at once MUST NOT prevent delivery to the others.",
    level: "MUST",
    slow: true,
    ends: "any",
    bound: 30_000,
    async run(t) {
      await withSlowReaders(t, SLOW_READERS);
    },
  },
];

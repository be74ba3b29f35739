/** The broadcast over sockets that take what they like: each recipient's bytes against a model of the room. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { createOutbox, discard, flush, pending } from "../platform/outbox.ts";
import { createBroadcast, type Recipient } from "./broadcast.ts";

const QUEUE_BYTES = 1_048_576;

type Listener = Recipient & { room: number; got: string; expected: string; state: "in" | "left" | "evicted" };

/** A room of listeners whose kernels take `room` bytes more, and its model: plain strings. */
function createRoom(queueBytes = QUEUE_BYTES, roomBytes = 1e9) {
  const listeners: Listener[] = [];
  const broadcast = createBroadcast<Listener>(queueBytes, roomBytes, (listener) => {
    listener.state = "evicted";
    discard(listener.outbox);
  });

  function join(room: number): Listener {
    const cut = () => {
      listener.state = "evicted";
      broadcast.leave(listener);
    };
    const listener: Listener = {
      socket: {
        write(bytes, offset, length) {
          const taken = Math.min(listener.room, length);
          listener.room -= taken;
          listener.got += Buffer.from(bytes.buffer, bytes.byteOffset + offset, taken).toString("latin1");
          return taken;
        },
      },
      outbox: createOutbox(queueBytes, broadcast.store, cut),
      batchFrom: 0,
      skips: [],
      room,
      got: "",
      expected: "",
      state: "in",
    };
    listeners.push(listener);
    broadcast.join(listener);
    return listener;
  }

  function say(text: string, except?: Listener): void {
    const bytes = Buffer.from(text, "latin1");
    const from = broadcast.begin(bytes.length);
    broadcast.put(bytes);
    if (except) broadcast.skip(except, from);
    for (const one of listeners) if (one.state === "in" && one !== except) one.expected += text;
  }

  /** As one that is closed in an orderly way: it still gets what was said until now. */
  function leave(listener: Listener): void {
    broadcast.share(listener);
    broadcast.leave(listener);
    listener.state = "left";
  }

  function drain(listener: Listener, bytes: number): void {
    listener.room += bytes;
    flush(listener.outbox, listener.socket);
  }

  return { broadcast, listeners, join, say, leave, drain };
}

/** When what was said in this turn has been shared. */
const turn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

const step = fc.oneof(
  fc.record({
    what: fc.constant("say" as const),
    who: fc.nat(5),
    bytes: fc.oneof(fc.nat(40), fc.nat(90_000)),
    own: fc.boolean(),
  }),
  fc.record({
    what: fc.constant("drain" as const),
    who: fc.nat(5),
    bytes: fc.oneof(fc.nat(60), fc.nat(200_000)),
  }),
  fc.record({ what: fc.constant("join" as const), bytes: fc.oneof(fc.constant(0), fc.nat(100_000)) }),
  fc.record({ what: fc.constant("leave" as const), who: fc.nat(5) }),
  fc.constant({ what: "turn" as const }),
);

test("everyone gets what was said while it was there, in order, whatever the kernel takes of it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { broadcast, listeners, join, say, leave, drain } = createRoom(1e9);
      let said = 0;
      join(0);
      for (const one of steps) {
        const listener = "who" in one ? listeners[one.who % listeners.length] : undefined;
        if (one.what === "turn") await turn();
        else if (one.what === "join") join(one.bytes);
        else if (listener?.state !== "in") continue;
        else if (one.what === "drain") drain(listener, one.bytes);
        else if (one.what === "leave") leave(listener);
        else say(`${++said}:`.padEnd(one.bytes, "x"), one.own ? undefined : listener);
      }
      await turn();
      for (const listener of listeners) {
        drain(listener, 1e9);
        expect(listener.got === listener.expected).toBe(true);
        expect(pending(listener.outbox)).toBe(0);
      }
      expect(broadcast.store.held).toBe(0);
    }),
    { numRuns: 200 },
  );
});

test("two thousand who do not read keep about as many bytes as one, and are evicted at the limit", async () => {
  const { broadcast, listeners, join, say } = createRoom();
  for (let i = 0; i < 2000; i++) join(i % 10_000);
  const bystander = join(1e9);
  const text = "x".repeat(4000);
  let [most, said] = [0, 0];
  for (; bystander.state === "in" && listeners[0].state === "in" && said < 400; said++) {
    say(text);
    await turn();
    most = Math.max(most, broadcast.store.held);
  }
  expect(said).toBe(Math.floor(QUEUE_BYTES / text.length) + 1);
  expect(most).toBeLessThan(2 * QUEUE_BYTES);
  // Those whose kernels took a little more fall behind a little later.
  say(text.repeat(3));
  await turn();
  expect(listeners.map(({ state }) => state)).toEqual([...Array(2000).fill("evicted"), "in"]);
  expect([bystander.got === bystander.expected, broadcast.store.held]).toEqual([true, 0]);
});

test("one whose reader was quick and only the room slow is not evicted", async () => {
  const { join, say } = createRoom();
  const quick = join(0);
  for (let i = 0; i < 40; i++) {
    say("x".repeat(60_000));
    await turn();
    quick.room = 2 * QUEUE_BYTES; // its kernel has room again, of which we have not been told
  }
  expect([quick.state, quick.got.length > 30 * 60_000]).toEqual(["in", true]);
});

test("past the room's bound those furthest behind are cut, also one that has left and takes nothing", async () => {
  const { broadcast, join, say, leave } = createRoom(1e9, 2_000_000);
  const [left, deaf] = [join(0), join(0)];
  say("x".repeat(60_000));
  await turn();
  leave(left);
  let late: Listener | undefined;
  for (let said = 1; said < 40; said++) {
    if (said === 30) late = join(0);
    say("x".repeat(60_000));
    await turn();
    expect(broadcast.store.held).toBeLessThanOrEqual(2_000_000);
  }
  expect([left.state, deaf.state, late?.state]).toEqual(["evicted", "evicted", "in"]);
});

/** The UDP relay over real sockets. */
import { afterEach, expect, test } from "bun:test";
import { MAX_ADDRESSES, MAX_PAYLOAD_BYTES, oversizeNotice } from "../protocols/relay.ts";
import { steadily } from "../testing/steady.ts";
import type { Running } from "./standalone.ts";
import { connectUdp, placeOf } from "./testing.ts";
import { type RelayOptions, startRelay } from "./udp-relay.ts";

/** More than the relay can pass on in a turn, and less than the kernel's buffer holds. */
const FLOOD_A_TURN = 200;

type Client = Awaited<ReturnType<typeof connectUdp>>;
const clients: Client[] = [];
let relay: Running | undefined;

const stop = async () => {
  for (const client of clients.splice(0)) client.close();
  await relay?.stop();
  relay = undefined;
};
afterEach(stop);

async function start(options: Partial<RelayOptions> = {}): Promise<void> {
  relay = await startRelay({
    host: "127.0.0.1",
    port: 0,
    oversize: "drop",
    forgetAfterSeconds: 60,
    ...options,
  });
}

/** Clients that are all registered: each has seen a datagram of the one who joined last. */
async function join(count: number): Promise<Client[]> {
  const joined: Client[] = [];
  for (let i = 0; i < count; i++) {
    const client = await connectUdp(relay!.url);
    clients.push(client);
    client.send("");
    joined.push(client);
  }
  const [last] = joined.slice(-1);
  last.send("ready");
  for (const client of joined.slice(0, -1)) await client.untilReceived(`[${last.address}]: ready`);
  return joined;
}

const counter = (name: string) => relay!.counters!()[name];

test("a datagram goes to every other address behind [ip:port]: and not to its sender", async () => {
  await start();
  const [a, b, c] = await join(3);
  a.send("hello");
  for (const client of [b, c]) await client.untilReceived(`[${a.address}]: hello`);
  b.send("after");
  await a.untilReceived(`[${b.address}]: after`);
  expect(a.received).not.toContain(`[${a.address}]: hello`);
});

test("an empty datagram registers its sender and is not relayed", async () => {
  await start();
  const [a, b] = await join(2);
  a.send("");
  a.send("text");
  await b.untilReceived(`[${a.address}]: text`);
  expect(b.received).toEqual([`[${a.address}]: text`]);
});

test("1,024 bytes are relayed whole", async () => {
  await start();
  const [a, b] = await join(2);
  a.send("x".repeat(MAX_PAYLOAD_BYTES));
  await b.untilReceived(`[${a.address}]: ${"x".repeat(MAX_PAYLOAD_BYTES)}`);
});

test("what is longer is dropped and counted, and its sender is told at most once a second", async () => {
  await start();
  const [a, b] = await join(2);
  for (let i = 0; i < 5; i++) a.send("x".repeat(1025 + i));
  a.send("after");
  await b.untilReceived(`[${a.address}]: after`);
  await a.untilReceived(oversizeNotice(1025));
  b.send("to a");
  await a.untilReceived(`[${b.address}]: to a`);
  expect(counter("datagrams over 1024 bytes")).toBe(5);
  expect(a.received.filter((text) => text.startsWith("[Server]"))).toEqual([
    "[Server]: datagram of 1025 bytes exceeds 1024",
  ]);
  expect(b.received.filter((text) => text.includes("xxx"))).toEqual([]);
});

test("--oversize truncate relays the first 1,024 bytes and tells nobody", async () => {
  await start({ oversize: "truncate" });
  const [a, b] = await join(2);
  a.send("x".repeat(65_507));
  await b.untilReceived(`[${a.address}]: ${"x".repeat(MAX_PAYLOAD_BYTES)}`);
  b.send("to a");
  await a.untilReceived(`[${b.address}]: to a`);
  expect(a.received.filter((text) => text.startsWith("[Server]"))).toEqual([]);
});

test.each(["127.0.0.1", "::"])(
  "clients that have gone are forgotten, on %s, and cost no datagram",
  async (host) => {
    await start({ host });
    const [a, ...others] = await join(6);
    const gone = others.slice(1);
    for (const client of gone) client.close();
    clients.splice(2);
    const sent: string[] = [];
    for (let i = 0; i < 30; i++) {
      a.send(`message ${i}`);
      sent.push(`[${a.address}]: message ${i}`);
      await others[0].untilReceived(sent[i]);
    }
    expect(others[0].received.filter((text) => text.includes("message"))).toEqual(sent);
    expect(counter("addresses forgotten as unreachable")).toBe(4);
  },
);

test(
  "an address that is silent for too long is forgotten, one that speaks is not",
  steadily(async () => {
    await start({ forgetAfterSeconds: 0.2 });
    const [a, b] = await join(2);
    const silent = await connectUdp(relay!.url);
    clients.push(silent);
    silent.send("here");
    await a.untilReceived(`[${silent.address}]: here`);
    // The two keep talking until the third is forgotten.
    for (let i = 0; counter("addresses forgotten as silent") === 0; i++) {
      a.send(`${i}`);
      await b.untilReceived(`[${a.address}]: ${i}`);
      b.send(`${i}`);
      await a.untilReceived(`[${b.address}]: ${i}`);
    }
    silent.send("again");
    await a.untilReceived(`[${silent.address}]: again`);
  }, stop),
);

// The passers-by have an address of their own, so that the newcomer's is none of theirs.
test.skipIf(process.platform !== "linux")(
  "a full table takes nobody more and serves who is in it; those who have gone make room",
  async () => {
    await start();
    const [a, b] = await join(2);
    const { port, hostname } = placeOf(relay!.url);
    const pastLimit = "datagrams of addresses past the limit";
    // An empty datagram registers its address and is not relayed, so that these need not stay. A port that
    // comes up twice registers once.
    for (let i = 0; counter(pastLimit) === 0 && i < 3 * MAX_ADDRESSES; i++) {
      const passerBy = await Bun.udpSocket({ hostname: "127.0.0.2" });
      passerBy.send("", port, hostname);
      passerBy.close();
      if (i % 100 === 0) await Bun.sleep(0);
    }
    const newcomer = await connectUdp(relay!.url);
    clients.push(newcomer);
    const before = counter(pastLimit);
    newcomer.send("may I?");
    a.send("no");
    await b.untilReceived(`[${a.address}]: no`);
    expect(counter(pastLimit)).toBe(before + 1);
    expect(b.received).not.toContain(`[${newcomer.address}]: may I?`);
    expect(newcomer.received).toEqual([]);
    // What a said has told the relay who is not there any more.
    for (let i = 0; counter("addresses forgotten as unreachable") === 0; i++) {
      a.send(`${i}`);
      await b.untilReceived(`[${a.address}]: ${i}`);
    }
    newcomer.send("now?");
    await b.untilReceived(`[${newcomer.address}]: now?`);
  },
);

test("beside one who floods it, what another one sends arrives, all of it, and soon", async () => {
  await start();
  const [flooder, bystander, listener] = await join(20);
  const { port, hostname } = placeOf(relay!.url);
  const flood = Array.from({ length: FLOOD_A_TURN }, () => ["x", port, hostname]).flat();
  const said = Array.from({ length: 100 }, (_, i) => `[${bystander.address}]: ${i}`);
  for (let i = 0; i < said.length; i++) {
    flooder.socket.sendMany(flood);
    bystander.send(String(i));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await listener.untilReceived(said.at(-1)!);
  expect(listener.received.filter((text) => text.startsWith(`[${bystander.address}]`))).toEqual(said);
  const before = listener.received.indexOf(said.at(-1)!) - said.length;
  expect(before).toBeLessThan((FLOOD_A_TURN * said.length) / 2);
  expect(counter("datagrams dropped, too many were waiting")).toBeGreaterThan(0);
});

test("one who comes while much waits gets nothing of what was sent before", async () => {
  await start();
  const [a, b] = await join(20);
  const { port, hostname } = placeOf(relay!.url);
  const newcomer = await connectUdp(relay!.url);
  clients.push(newcomer);
  a.socket.sendMany(Array.from({ length: FLOOD_A_TURN }, () => ["before", port, hostname]).flat());
  newcomer.send("");
  b.send("after");
  await newcomer.untilReceived(`[${b.address}]: after`);
  await b.until(() => b.received.filter((text) => text.endsWith("before")).length === FLOOD_A_TURN, "all");
  expect(newcomer.received).toEqual([`[${b.address}]: after`]);
});

test("it listens on IPv6 too", async () => {
  await start({ host: "::1" });
  expect(relay!.url).toStartWith("udp://[::1]:");
  const [a, b] = await join(2);
  a.send("six");
  await b.untilReceived(`[${a.address}]: six`);
  expect(a.address).toStartWith("[::1]:");
});
